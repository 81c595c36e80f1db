import Foundation

/// Who gives a command, as the history names them.
struct Person: Sendable {
    private let environment: [String: String]

    @Option("--by", "NAME", "who you are, for the history (SMARTCONNECTOR_BY; else user@host)", as: .text)
    private var givenName: String?

    init(_ environment: [String: String]) {
        self.environment = environment
    }

    /// Their name: what the command line says, else the environment, else the user of this machine.
    var name: String {
        if let name = givenName ?? environment["SMARTCONNECTOR_BY"], !name.isEmpty { return name }
        return "\(environment["USER"] ?? NSUserName())@\(ProcessInfo.processInfo.hostName)"
    }
}
