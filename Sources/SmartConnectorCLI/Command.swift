/// A command of the harness, or of a connector's own.
///
/// What it takes is declared by its properties, once: ``Argument``, ``Option`` and ``Flag`` give help, usage and parsing.
///
/// ```swift
/// struct Configure: Command {
///     static let name = "configure"
///     static let summary = "enter the credentials of a connection"
///     @Argument("SYSTEM", "netsuite or bigcommerce", as: .text) var system: String
///     let world: World
///
///     func run(_ session: Session) async throws -> ExitCode {
///         try await world.configure(system)
///         session.output.print("\(system) is configured")
///         return .done
///     }
/// }
/// ```
public protocol Command: Sendable {
    /// What it is called: a word, or two where several commands are about the same.
    static var name: String { get }

    /// What it does, in a few words.
    static var summary: String { get }

    /// Which of the options that every command accepts mean something to it. Its help shows these.
    static var sharedOptions: SharedOptions { get }

    /// How it is used, as somebody would write it: the arguments after its name, each example on its own. Its help shows
    /// them.
    static var examples: [[String]] { get }

    /// How it is written after its name: each way, part by part. What is declared says it unless the command knows
    /// better, such as that one of two options is needed. Nothing has been read when this is asked: it is put together from
    /// declarations (`$id`), not from values.
    var usage: [[String]] { get }

    /// Does it.
    ///
    /// - Parameter session: Store, journal, functions and output.
    /// - Returns: The exit status.
    /// - Throws: ``UsageError`` where the command line makes no sense. Every error ends the process with a status that
    ///   tells its kind, and its text on standard error.
    func run(_ session: Session) async throws -> ExitCode
}

/// The options that every command accepts, by what they are about.
public struct SharedOptions: OptionSet, Sendable {
    /// One bit for each.
    public let rawValue: Int

    /// Options by their bits.
    ///
    /// - Parameter rawValue: One bit for each.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Store, journal and their token.
    public static let place = SharedOptions(rawValue: 1)
    /// A stack, or simulated functions.
    public static let functions = SharedOptions(rawValue: 2)
    /// `--json`.
    public static let output = SharedOptions(rawValue: 4)
    /// `--by`: who gives the command, for the history.
    public static let person = SharedOptions(rawValue: 8)
    /// `--yes`: not to be asked.
    public static let consent = SharedOptions(rawValue: 16)
    /// `--wait`: for a lease that somebody else has.
    public static let patience = SharedOptions(rawValue: 32)
}

extension Command {
    /// Store, journal and `--json`.
    public static var sharedOptions: SharedOptions { [.place, .output] }

    /// None.
    public static var examples: [[String]] { [] }

    /// All that is declared, what may be left out in brackets.
    public var usage: [[String]] { [declared.map(\.declaration.markedUsage)] }

    /// What it is called.
    var name: String { Self.name }

    /// The words of its name.
    var words: [String] { Self.name.split(separator: " ").map(String.init) }

    /// Whether its first argument is an integration's `_id`.
    var isAboutIntegration: Bool { arguments.first.map { $0.name == "ID" && $0.help.contains("integration") } ?? false }

    var declared: [any DeclaredArgument] { declaredArguments(of: self) }
}
