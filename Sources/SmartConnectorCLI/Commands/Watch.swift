import Foundation
import SmartConnector

struct Watch: Command {
    static let name = "watch"
    static let summary = "show an integration as it changes, until it is gone or Ctrl-C"
    static let sharedOptions: SharedOptions = [.place, .functions, .output]
    static let examples = [["$ID"], ["$ID", "--every", "5s", "--json"]]

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Option("--every", "DURATION", "how often to look", as: .duration) var pause = Duration.seconds(1)

    func run(_ session: Session) async throws -> ExitCode {
        var shown = ""
        var told = 0
        while true {
            let standing: Standing
            do {
                standing = try await session.standing(of: id)
            } catch let error as SmartConnectorError where error.code == .secondGeneration {
                try await session.showSecondGeneration(id, error)
                return .done
            } catch let error as APIError where error.isNotFound && !shown.isEmpty {
                told = try await tell(after: told, session)
                gone(session.output)
                return .done
            }
            told = try await tell(after: told, session)
            let screen = screen(of: standing, session)
            if screen != shown { show(screen, standing, session.output) }
            shown = screen
            do {
                try await Task.sleep(for: pause)
            } catch {
                // Ctrl-C is how one stops looking.
                return .done
            }
        }
    }

    /// Prints what the history has since it was looked at, where a screen is not drawn over it.
    ///
    /// - Returns: How many entries it has now.
    private func tell(after told: Int, _ session: Session) async throws -> Int {
        let output = session.output
        guard !output.isJSON, !output.console.isTerminal else { return told }
        let entries = try await session.place.journal().historyEntries(of: id)
        for entry in entries.dropFirst(told) { output.print([entry.row]) }
        return entries.count
    }

    /// What is shown of an integration as it stands.
    private func screen(of standing: Standing, _ session: Session) -> String {
        let captured = Captured()
        var console = captured.console(columns: session.output.console.columns)
        console.hasColours = session.output.console.hasColours
        Status().show(standing, session.writing(to: console))
        return captured.text
    }

    private func show(_ screen: String, _ standing: Standing, _ output: Output) {
        if output.isJSON {
            output.print(json: Status().json(standing, Status().next(standing)))
        } else if output.console.isTerminal {
            // From the top, on a screen of its own.
            output.console.write("\u{1B}[H\u{1B}[2J" + screen)
        } else {
            output.console.write(screen)
        }
    }

    private func gone(_ output: Output) {
        if output.isJSON {
            output.print(json: [
                "format": JSON(Output.format), "event": "gone", "integration": JSON(id), "time": JSON(Date().shown),
            ])
        } else {
            output.print(line: "\(id) is gone")
        }
    }
}
