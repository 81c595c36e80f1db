import SmartConnector
import SmartConnectorSQL

struct ListCampaigns: Command {
    static let name = "campaign list"
    static let summary = "list all campaigns"
    static let examples = [["--store", "postgres://db/connectors"]]

    func run(_ session: Session) async throws -> ExitCode {
        let campaigns = try await session.place.campaigns().campaigns()
        session.output.print(campaigns)
        if campaigns.isEmpty, !session.output.isJSON { session.output.print(line: "no campaigns") }
        return .done
    }
}
