struct ShowManual: Command {
    static let name = "man"
    static let summary = "print the manual page, for man -l"
    static let sharedOptions: SharedOptions = []
    static let examples = [["|", "man", "-l", "-"]]

    func run(_ session: Session) async throws -> ExitCode {
        session.output.console.write(
            ManualPage(reference: session.help.reference, version: ConnectorCommand.version).text)
        return .done
    }
}
