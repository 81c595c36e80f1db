import SmartConnector

struct RemoveShop: Command {
    static let name = "shop remove"
    static let summary = "undo the steps of one shop; the last one is the whole integration"
    static let sharedOptions: SharedOptions = [.place, .functions, .person, .patience, .consent, .output]
    static let examples = [["$ID", "72"], ["$ID", "72", "--yes"]]

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Argument("SHOP", "the shop's id: storeId", as: .text) var shop: String

    func run(_ session: Session) async throws -> ExitCode {
        let integration = try await session.installed(id)
        let shops = integration.shops
        guard shops.contains(where: { $0.id.isExactly(shop) }) else {
            let known = shops.map(\.id).joined(separator: ", ")
            throw FileError(
                description:
                    "\(id) has no shop \(shop); \(shops.isEmpty ? "its settings say of none" : "it has: \(known)")",
                status: .notFound)
        }
        let options = try session.partOptions(shop: shop)
        if shops.count == 1 { return try await removeAll(session, options) }
        try await session.confirm(id) { title in
            "The steps of shop \(shop) of \(title) are undone; the other shops stay."
        }
        let order: UninstallOrder
        do {
            let answer = try await session.askForSteps(.preUninstall, of: integration, options)
            order = try UninstallOrder(answer, of: .preUninstall)
        } catch let failure as FunctionFailure {
            session.output.print(error: "\(ConnectorFunction.preUninstall.name) failed with \(failure)")
            return .stopped
        }
        guard let steps = order.steps else {
            throw FileError(
                description:
                    "preUninstall did not say which steps shop \(shop) has, and nothing else knows them; nothing was undone",
                status: .badData)
        }
        let part = try PartSteps(of: id, steps, .uninstall)
        let again = "\(session.program) shop remove \(id) \(shop)"
        let status = try await session.drive(part, of: id, options, again: again)
        if status == .done, !session.output.isJSON { session.output.note("shop \(shop) is removed") }
        return status
    }

    private func removeAll(_ session: Session, _ options: CallOptions) async throws -> ExitCode {
        try await session.confirm(id) { title in
            "It is the only shop of \(title): all steps are undone, and the integration is removed."
        }
        return try await session.drive(Session.Errand(id: id, options: options)) { flow in flow.uninstall() }
    }
}
