import SmartConnector

struct Plan: Command {
    static let name = "plan"
    static let summary = "show what would be called, in order, and call nothing"
    static let sharedOptions: SharedOptions = [.place, .functions, .output]

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Flag("--uninstall", "what removing it would call") var isUninstall: Bool
    @Option("--update-to", "V", "what updating it to a version would call", as: .version)
    var target: ConnectorVersion?

    var usage: [[String]] { [["\($id)", "[\($isUninstall) | \($target)]"]] }

    func run(_ session: Session) async throws -> ExitCode {
        let (_, machine) = try await session.machine(of: id)
        guard target == nil || !isUninstall else {
            throw UsageError("\($isUninstall.name) and \($target.name) are two plans; ask for one")
        }
        let plan = try machine.plan(target.map { .update(to: $0) } ?? (isUninstall ? .uninstall : .continue))
        if session.output.isJSON {
            session.output.print(json: JSON(plan.map(\.json)))
        } else {
            for (index, action) in plan.enumerated() {
                session.output.print("\(String(index + 1).padded(to: 3)) \(action.sentence)")
            }
            if plan.isEmpty { session.output.print("nothing would be called") }
        }
        return .done
    }
}
