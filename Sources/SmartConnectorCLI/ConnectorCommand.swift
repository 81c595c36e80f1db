import Dispatch
import Foundation
public import SmartConnector
import SmartConnectorSQLite

/// The harness as a command: everything of `smartconnector`, with a connector's own functions.
///
/// ```swift
/// @main
/// struct Main {
///     static func main() async { await ConnectorCommand("my-connector", connector: connector).main() }
/// }
/// ```
public struct ConnectorCommand: Sendable {
    let name: String
    let connector: Connector?
    let extras: [Extra]

    /// A command of the connector's own, beside those of the harness.
    public struct Extra: Sendable {
        let name: String
        let arguments: String
        let help: String
        let body: @Sendable ([String]) async throws -> String

        /// A command.
        ///
        /// - Parameters:
        ///   - name: What it is called.
        ///   - arguments: What it takes, as the help shows it.
        ///   - help: What it does, in one line.
        ///   - body: Is given the arguments and returns what is to be printed.
        public init(
            _ name: String, arguments: String = "", help: String,
            _ body: @escaping @Sendable ([String]) async throws -> String
        ) {
            self.name = name
            self.arguments = arguments
            self.help = help
            self.body = body
        }
    }

    /// A command.
    ///
    /// - Parameters:
    ///   - name: What the executable is called.
    ///   - connector: The functions. Without any, `--simulate` stands in for them.
    ///   - extras: Commands of the connector's own.
    public init(_ name: String, connector: Connector? = nil, extras: [Extra] = []) {
        self.name = name
        self.connector = connector
        self.extras = extras
    }

    /// Runs the process's command line and exits with its status.
    ///
    /// Ctrl-C and SIGTERM cancel the function under way and leave a state to go on from; a second one ends at once.
    public func main() async -> Never {
        keepFreedMemory()
        let signals = [SIGINT, SIGTERM]
        // A signal that comes before it is listened for is lost, so nothing begins before.
        let (listening, listener) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            for await _ in listening.prefix(signals.count) {}
            return await run(
                Array(CommandLine.arguments.dropFirst()), environment: ProcessInfo.processInfo.environment,
                console: .standard)
        }
        let sources = signals.map { signal in Self.onSignal(signal, cancel: task) { listener.yield() } }
        let status = await task.value
        withExtendedLifetime(sources) {}
        exit(status.rawValue)
    }

    private static func onSignal(
        _ number: Int32, cancel task: Task<ExitCode, Never>, whenListening: @escaping @Sendable () -> Void
    ) -> any DispatchSourceSignal {
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
            if task.isCancelled { exit(ExitCode.interrupted.rawValue) }
            task.cancel()
        }
        source.setRegistrationHandler(handler: whenListening)
        source.resume()
        return source
    }

    /// Runs a command line.
    func run(_ arguments: [String], environment: [String: String], console: Console) async -> ExitCode {
        do {
            return try await dispatch(arguments, environment: environment, console: console)
        } catch {
            console.writeError("\(name): \(explanation(error))\n")
            return ExitCode(error)
        }
    }

    private func explanation(_ error: any Error) -> String {
        switch error {
        case is CancellationError: "interrupted; nothing is lost, and the same command goes on from here"
        case let error as SmartConnectorError where error.code == .missingFunctions && connector == nil:
            "\(error); pass --simulate, or use the connector's own command"
        default: String(describing: error)
        }
    }

    private func dispatch(
        _ arguments: [String], environment: [String: String], console: Console
    ) async throws -> ExitCode {
        let word = arguments.first { !$0.hasPrefix("-") }
        if let extra = extras.first(where: { $0.name == word }), word == arguments.first {
            console.print(try await extra.body(Array(arguments.dropFirst())))
            return .done
        }
        // Options may stand before the command; which word it is shows once the values are known.
        let everyOption = Command.globalOptions + Command.all.flatMap(\.options)
        var parsed = try ParsedArguments(arguments, options: everyOption)
        guard let commandName = parsed.takePositional() else {
            let isAskedFor = parsed.has("--help") || arguments.isEmpty
            if parsed.has("--version") {
                console.print("\(name) \(Self.version)")
                return .done
            }
            guard isAskedFor else { throw UsageError(description: "no command; see '\(name) help'") }
            console.write(help())
            return .done
        }
        if commandName == "help" || parsed.has("--help") {
            let topic = commandName == "help" ? parsed.takePositional() : commandName
            console.write(try topic.map { try help(for: find($0)) } ?? help())
            return .done
        }
        let command = try find(commandName)
        // Parsed again with this command's options alone, so that others are refused.
        parsed = try ParsedArguments(arguments, options: Command.globalOptions + command.options)
        _ = parsed.takePositional()
        try command.check(parsed, name: name)
        let context = try Context(self, command, parsed, environment: environment, console: console)
        return try await command.run(context)
    }

    private func find(_ commandName: String) throws(UsageError) -> Command {
        if let command = Command.all.first(where: { $0.name == commandName }) { return command }
        let similar = Command.all.map(\.name).closest(to: commandName).map { "; did you mean '\($0)'?" } ?? ""
        throw UsageError(description: "unknown command '\(commandName)'\(similar); see '\(name) help'")
    }

    static let version = "0.1.0"
}
