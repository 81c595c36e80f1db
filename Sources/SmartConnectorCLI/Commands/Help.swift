struct Help: Command {
    static let name = "help"
    static let summary = "explain a command"
    static let sharedOptions: SharedOptions = []
    static let examples = [["run"], ["campaign"]]

    @Argument("COMMAND", "the command's name; all are listed where there is none", as: .text) var topic: [String]

    func run(_ session: Session) async throws -> ExitCode {
        let help = session.help
        session.output.console.write(topic.isEmpty ? help.overview : try help.page(on: topic))
        return .done
    }
}
