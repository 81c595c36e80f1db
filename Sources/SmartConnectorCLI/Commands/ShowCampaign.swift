import SmartConnector
import SmartConnectorSQL

struct ShowCampaign: Command {
    static let name = "campaign status"
    static let summary = "show how far a campaign is"
    static let examples = [["6b05c1d2"]]

    @Argument("ID", "the campaign's id", as: .text) var id: String

    func run(_ session: Session) async throws -> ExitCode {
        let store = try await session.place.campaigns()
        session.output.print(try await store.status(of: id))
        return .done
    }
}
