import SmartConnector
import SmartConnectorSQL

struct StopCampaign: Command {
    static let name = "campaign stop"
    static let summary = "have a campaign take no more integrations; 'campaign run' goes on with it"
    static let examples = [["6b05c1d2"]]

    @Argument("ID", "the campaign's id", as: .text) var id: String

    func run(_ session: Session) async throws -> ExitCode {
        let store = try await session.place.campaigns()
        try await store.setState(.stopped, of: store.campaign(id).id)
        session.output.print([try await store.campaign(id)])
        return .done
    }
}
