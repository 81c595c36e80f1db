struct ShowCompletions: Command {
    static let name = "completions"
    static let summary = "print a script that completes command lines"
    static let sharedOptions: SharedOptions = []
    static let examples = [["bash", ">>", "~/.bashrc"], ["zsh", ">>", "~/.zshrc"], ["fish", "|", "source"]]

    @Argument("SHELL", "bash, zsh or fish", as: .choice) var shell: Completions.Shell

    func run(_ session: Session) async throws -> ExitCode {
        session.output.console.write(Completions(reference: session.help.reference).script(for: shell))
        return .done
    }
}
