import Dispatch
import Foundation
public import SmartConnector
import SmartConnectorSQLite
import SmartConnectorServer
public import SmartConnectorWire

/// The harness as a command: everything of `smartconnector`, with a connector's own functions.
///
/// ```swift
/// @main
/// struct Main {
///     static func main() async { await ConnectorCommand("my-connector", connector: connector).main() }
/// }
/// ```
public struct ConnectorCommand: Sendable {
    /// What the executable is called.
    let name: String
    private let connector: Connector?
    private let diy: Connector?
    private let record: ConnectorRecord?
    private let ownVersion: String?
    private let ownCommands: @Sendable () -> [any Command]

    /// A command.
    ///
    /// - Parameters:
    ///   - name: What the executable is called.
    ///   - connector: The functions. Without any, `--simulate` stands in for them.
    ///   - diy: The functions of integrations that users build themselves, which `serve` answers for and `call --diy` calls.
    ///   - record: What the connector's record at integrator.io calls the functions for the connector as a whole, so that
    ///     `serve` answers to these names too.
    ///   - version: What `--version` prints, if not the version of SmartConnector alone.
    ///   - commands: Commands of the connector's own, made anew for each command line. One whose name is taken is an
    ///     error at the start.
    public init(
        _ name: String, connector: Connector? = nil, diy: Connector? = nil, record: ConnectorRecord? = nil,
        version: String? = nil,
        commands: @autoclosure @escaping @Sendable () -> [any Command] = []
    ) {
        self.name = name
        self.connector = connector
        self.diy = diy
        self.record = record
        ownVersion = version
        ownCommands = commands
    }

    /// Runs the process's command line and exits with its status.
    ///
    /// Ctrl-C, SIGTERM and the end of the terminal cancel the function under way and leave a state to go on from; a second
    /// Ctrl-C or SIGTERM ends at once.
    public func main() async -> Never {
        keepFreedMemory()
        // Who was started to outlive the terminal, with nohup, does.
        let signals = [SIGINT, SIGTERM] + (Self.isIgnored(SIGHUP) ? [] : [SIGHUP])
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

    private static func isIgnored(_ number: Int32) -> Bool {
        guard let handler = signal(number, SIG_IGN) else {
            // The system's own way, which is no function.
            signal(number, SIG_DFL)
            return false
        }
        signal(number, handler)
        return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    private static func onSignal(
        _ number: Int32, cancel task: Task<ExitCode, Never>, whenListening: @escaping @Sendable () -> Void
    ) -> any DispatchSourceSignal {
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
            // The end of a terminal is told by the shell and by the system.
            if task.isCancelled, number != SIGHUP { exit(ExitCode.interrupted.rawValue) }
            task.cancel()
        }
        source.setRegistrationHandler(handler: whenListening)
        source.resume()
        return source
    }

    /// Runs a command line.
    func run(_ arguments: [String], environment: [String: String], console: Console) async -> ExitCode {
        let output = Output(console, program: name)
        var subject: String?
        do {
            // Known before the rest of the command line: what is wrong with it is said in the way that it asks for.
            if arguments.prefix(while: { $0 != "--" }).contains(output.$isJSON.name) {
                try output.$isJSON.declared.read("")
            }
            return try await dispatch(arguments, environment: environment, output, subject: &subject)
        } catch {
            output.print(ErrorReport(error, explanation(error), about: subject))
            return ExitCode(error)
        }
    }

    private func explanation(_ error: any Error) -> String {
        switch error {
        case is CancellationError: "interrupted; nothing is lost, and the same command goes on from here"
        case let error as SmartConnectorError
        where [.missingFunctions, .unknownInstaller, .unknownVersion].contains(error.code) && connector == nil:
            "\(error); pass --simulate, or use the connector's own command"
        case let error as SmartConnectorError where error.code == .illegalCommand: error.inCommands
        case is UsageError, is FileError, is ServerError, is JSON.ParseError, is APIError, is SmartConnectorError:
            String(describing: error)
        // What somebody else's error holds may be secret.
        default: FunctionFailure(error).message
        }
    }

    /// The options that ask for an explanation in place of doing anything.
    private struct Explanation {
        @Flag("--help", "explain a command") var isHelp: Bool
        @Flag("--version", "print the version") var isVersion: Bool
    }

    /// Finds the command that a command line names, and runs it.
    ///
    /// - Parameter subject: Where to say which integration it is about.
    private func dispatch(
        _ arguments: [String], environment: [String: String], _ output: Output, subject: inout String?
    ) async throws -> ExitCode {
        let console = output.console
        let place = Place(environment)
        let functions = Functions(own: connector, diy: diy, record: record, environment: environment, place: place)
        let (explanation, person, consent, patience) = (Explanation(), Person(environment), Consent(), Patience())
        let sections: [Reference.Shared] = [
            .init("where the integrations are", .place, of: place),
            .init("which functions are called", .functions, of: functions), .init("who acts", .person, of: person),
            .init("in general", .patience, of: patience), .init("in general", .consent, of: consent),
            .init("in general", .output, of: output), .init("in general", nil, of: explanation),
        ]
        let shared = sections.flatMap(\.declared)
        let options = shared.map(\.declaration)
        let commands = try CommandList(own: ownCommands(), shared: options)
        let reference = Reference(program: name, commands: commands, shared: sections)
        let help = HelpPages(reference: reference, columns: console.proseColumns)

        // Options may stand before the command; which word it is shows once the values are known.
        let parsed = try commands.parse(arguments, shared: options)
        try parsed.readOptions(into: declaredArguments(of: explanation))
        guard !parsed.words.isEmpty else {
            guard explanation.isVersion || explanation.isHelp || arguments.isEmpty else {
                throw UsageError("no command; see '\(name) help'")
            }
            if explanation.isVersion { output.print(version) } else { console.write(help.overview) }
            return .done
        }
        if explanation.isHelp {
            console.write(try help.page(on: parsed.words))
            return .done
        }
        guard let command = commands.command(named: parsed.words) else {
            throw commands.error(parsed.words, program: name)
        }
        // Taken apart again with this command's options alone, so that others are refused.
        let own = try ParsedArguments(arguments, options: command.options + options).removing(command.words)
        if command.isAboutIntegration { subject = own.words.first }
        guard try own.readAll(into: shared + command.declared) else {
            throw UsageError("usage: " + reference.ways(of: command).joined(separator: " | "))
        }
        // What means nothing to a command does not keep it from its work.
        let meant = type(of: command).sharedOptions
        if meant.contains(.place) { try place.check() }
        if meant.contains(.functions) { try functions.check() }
        let session = Session(
            program: name, place: place, functions: functions, output: output, person: person, consent: consent,
            patience: patience, environment: environment, help: help,
            run: { await run($0, environment: [:], console: $1) })
        return try await command.run(session)
    }

    private var version: String {
        ownVersion.map { "\(name) \($0), with SmartConnector \(Self.version)" } ?? "\(name) \(Self.version)"
    }

    static let version = "0.1.0"
}
