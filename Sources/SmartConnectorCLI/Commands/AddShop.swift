import SmartConnector

struct AddShop: Command {
    static let name = "shop add"
    static let summary = "add a shop: ask addNewStore for its steps, and install them"
    static let sharedOptions: SharedOptions = [.place, .functions, .person, .patience, .output]
    static let examples = [["$ID"], ["$ID", "--store-id", "73"]]

    /// What gives the steps of a new shop.
    ///
    /// Source: the pages of integrator.io.
    private static let function = ConnectorFunction.installer("addNewStore")

    @Argument("ID", "the integration's _id", as: .text) var id: String

    func run(_ session: Session) async throws -> ExitCode {
        let before = try await session.installed(id)
        var options = try session.partOptions()
        let steps: [JSON]
        do {
            let answer = try await session.askForSteps(Self.function, of: before, options)
            steps = try Self.steps(answer)
        } catch let failure as FunctionFailure {
            session.output.print(error: "\(Self.function.name) failed with \(failure)")
            return .stopped
        }
        if options.storeID == nil { options.storeID = try await newShop(steps, before, session) }
        let name = options.storeID.map { "shop \($0)" } ?? "a new shop"
        let again = ["\(session.program) shop add \(id)", options.storeID.map { "--store-id \($0)" }]
        let part = try PartSteps(of: id, steps, .install)
        let status = try await session.drive(
            part, of: id, options, again: again.compactMap(\.self).joined(separator: " "))
        if status == .done, !session.output.isJSON { session.output.note("\(name) is installed") }
        return status
    }

    /// The steps in an answer: a bare array, or nothing where the function did all of it itself.
    private static func steps(_ answer: JSON) throws(FunctionFailure) -> [JSON] {
        if let steps = answer.array { return steps }
        if answer["success"]?.bool == true || answer.isNull { return [] }
        let why = answer["resBody"]?.string ?? answer["message"]?.string ?? String(answer.text().prefix(120))
        throw FunctionFailure(code: "not_yet", message: why)
    }

    /// What the new shop is called: the steps may say it, or the function has made a section for it.
    private func newShop(_ steps: [JSON], _ before: Integration, _ session: Session) async throws -> String? {
        for step in steps { if let shop = step["storeId"]?.string { return shop } }
        let shops = try await session.place.store().get(id).integration.shops
        return shops.first { shop in !before.shops.contains { $0.id.isExactly(shop.id) } }?.id
    }
}
