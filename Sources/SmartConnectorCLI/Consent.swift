import SmartConnector

/// Whether somebody who would be asked has said yes beforehand.
struct Consent: Sendable {
    @Flag("--yes", "do not ask before something is removed or taken away") var isGiven: Bool
}

/// How long to wait for what another process holds.
struct Patience: Sendable {
    @Option("--wait", "DURATION", "how long to wait where another process drives it, such as 30s or 5m", as: .duration)
    var time: Duration?
}

extension Session {
    /// Asks whether to go on with what cannot be taken back. Nobody is asked who has said `--yes`, nor where there is no
    /// terminal: what a script does it does as before.
    ///
    /// - Parameters:
    ///   - id: The integration that it is about.
    ///   - question: What is about to be done, given what the integration is called.
    /// - Throws: ``FileError`` where the answer is another than yes, and the store's error where there is no such integration.
    func confirm(_ id: String, _ question: (_ title: String) -> String) async throws {
        guard isAsking else { return }
        // It may be gone by what is to be gone on with; where it is not, that is said there.
        let name = try await place.store().find(id)?.name
        try ask(question(name.map { "\($0) (\(id))" } ?? id))
    }

    /// Asks the same about what is no one integration.
    func confirm(_ question: String) throws { if isAsking { try ask(question) } }

    /// Asks before simulated functions mark something as done in a store that others look at.
    func confirmSimulation() throws {
        guard isAsking, functions.areSimulated, !place.isLocal else { return }
        try ask(
            "The functions are simulated, and the store is not on this machine: what is written there as done is not.")
    }

    private var isAsking: Bool { !consent.isGiven && output.console.isInteractive }

    private func ask(_ question: String) throws {
        guard output.console.ask("\(question) Only 'yes' goes on: ")?.lowercased() == "yes" else {
            throw FileError(description: "nothing was done", status: .stopped)
        }
    }
}
