import SmartConnector

struct Graph: Command {
    static let name = "graph"
    static let summary = "draw modes and steps, and where an integration stands"
    static let sharedOptions: SharedOptions = [.place, .functions]
    static let examples = [["$ID", ">", "graph.svg"], ["$ID", "--format", "mermaid"]]

    enum Format: String, CaseIterable, Sendable { case svg, mermaid, dot }

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Option("--format", "svg|mermaid|dot", "what is printed", as: .choice) var format = Format.svg

    func run(_ session: Session) async throws -> ExitCode {
        let picture: StandingPicture
        do {
            picture = StandingPicture(try await session.standing(of: id), session.program)
        } catch let error as SmartConnectorError where error.code == .secondGeneration {
            throw FileError(
                description: "\(error); there is no picture of it: '\(session.program) status \(id)' shows its steps",
                status: .badData)
        }
        let text =
            switch format {
            case .svg: picture.svg
            case .mermaid: picture.mermaid
            case .dot: picture.dot
            }
        session.output.console.write(text)
        return .done
    }
}
