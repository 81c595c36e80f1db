/// A connector's backend: the author's functions, registered by the names that the document uses.
///
/// ```swift
/// var connector = Connector(id: "56fd5ad0945a2345c4e678ac")
/// connector.installer("verifyNetSuiteConnection") { call in
///     guard try await netSuite.ping(call.step()?.connectionID) else { return .notYet("Enter the credentials first") }
///     return .completed
/// }
/// connector.uninstaller("deleteNetSuiteConnection") { call in .completed }
/// connector.update(to: "1.1.0") { call in try await migrate(call) }
/// connector.update(to: "1.2.0")  // nothing to be done in an integration
/// ```
///
/// Registering a function again replaces it.
public struct Connector: Sendable {
    /// A function in the form of the wire: what it returns is what a stack answers.
    public typealias Body = @Sendable (FunctionCall) async throws -> JSON

    struct Entry: Sendable {
        let policy: CallPolicy
        let body: Implementation
    }

    /// A function with a task of its own, or one of which its author says that it needs none.
    enum Implementation: Sendable {
        case bounded(Body)
        case immediate(@Sendable (FunctionCall) throws -> JSON)
    }

    /// The connector's `_connectorId`.
    public let id: String
    /// Which functions there are.
    public private(set) var functions: FunctionDirectory
    /// Is told of the calls of these functions, and of the flows that call them, for metrics and tracing. A flow whose
    /// configuration has an observer tells that one.
    public var observer: (any FlowObserver)? {
        get { listener?.observer }
        set { listener = newValue.map(Listener.init) }
    }
    private var listener: Listener?
    private(set) var entries: [ConnectorFunction: Entry] = [:]
    let fallback: Entry?

    /// An observer, held by an object: a connector is looked into at every step, and with a value of any type in it would
    /// be copied for that, through that type.
    private final class Listener: Sendable {
        let observer: any FlowObserver

        init(_ observer: any FlowObserver) { self.observer = observer }
    }

    /// A connector without functions.
    public init(id: String) {
        self.id = id
        functions = FunctionDirectory(functions: [])
        fallback = nil
    }

    /// A connector whose step, settings and update functions, unless registered, are all this one: a stack elsewhere,
    /// or a simulation.
    ///
    /// - Parameters:
    ///   - id: The connector's `_connectorId`.
    ///   - functions: Which functions it has.
    ///   - policy: How long each may take and how often it is tried.
    ///   - body: Is called for all of them.
    public init(
        id: String, functions: FunctionDirectory = .open, policy: CallPolicy = CallPolicy(),
        otherwise body: @escaping Body
    ) {
        self.id = id
        self.functions = functions
        fallback = Entry(policy: policy, body: .bounded(body))
    }

    /// How long a function may take and how often it is tried, or nil where there is none.
    package func policy(of function: ConnectorFunction) -> CallPolicy? { entry(for: function)?.policy }

    func entry(for function: ConnectorFunction) -> Entry? { Self.entry(for: function, in: entries, fallback) }

    static func entry(
        for function: ConnectorFunction, in entries: [ConnectorFunction: Entry], _ fallback: Entry?
    ) -> Entry? {
        entries[function] ?? fallback
    }

    /// The same connector, with something around each of its functions.
    package func wrapped(
        _ wrap: @escaping @Sendable (FunctionCall, CallPolicy, Body) async throws -> JSON
    ) -> Connector {
        var wrapped = self
        for (function, entry) in entries {
            let body: Body =
                switch entry.body {
                case .bounded(let body): body
                case .immediate(let body): { try body($0) }
                }
            wrapped.register(function, policy: entry.policy) { try await wrap($0, entry.policy, body) }
        }
        return wrapped
    }

    /// The same connector without its functions for the connector as a whole: for steps that are of a part of an
    /// integration alone.
    package var ofSteps: Connector {
        var connector = self
        connector.functions.functions.subtract(ConnectorFunction.ofConnector)
        connector.functions.unknown = []
        return connector
    }

    /// Registers a function of any kind in the form of the wire.
    public mutating func register(
        _ function: ConnectorFunction, policy: CallPolicy = CallPolicy(), _ body: @escaping Body
    ) {
        register(function, policy, .bounded(body))
    }

    private mutating func register(_ function: ConnectorFunction, _ policy: CallPolicy, _ body: Implementation) {
        entries[function] = Entry(policy: policy, body: body)
        functions.functions.insert(function)
    }

    // MARK: Steps

    /// Registers the installer of steps that name it as `installerFunction`.
    ///
    /// It runs in a task of its own, whether anything in it is awaited or not. Its timeout and a cancelling reach it
    /// wherever it awaits: then it is cancelled, and after a respite left behind. A function that blocks its thread instead
    /// is out of reach of both until it goes on. What does nothing but compute can be registered at less cost with
    /// ``immediateInstaller(_:policy:_:)``.
    public mutating func installer(
        _ name: String, policy: CallPolicy = CallPolicy(),
        _ body: @escaping @Sendable (FunctionCall) async throws -> StepResult
    ) {
        register(.installer(name), policy: policy) { try await body($0).json }
    }

    /// Registers an installer that is done as soon as it is called: it reads and computes, and waits for nothing.
    ///
    /// It is called on the thread of the flow without a task of its own, which saves about a microsecond. The price: nothing
    /// can end it before it returns. The policy's timeout does not apply, cancelling the flow does not reach it, and for as
    /// long as it takes, that thread does nothing else. What waits for something, in whatever way, is registered with
    /// ``installer(_:policy:_:)``.
    public mutating func immediateInstaller(
        _ name: String, policy: CallPolicy = CallPolicy(),
        _ body: @escaping @Sendable (FunctionCall) throws -> StepResult
    ) {
        register(.installer(name), policy, .immediate { try body($0).json })
    }

    /// Registers the uninstaller of steps that name it as `uninstallerFunction`.
    ///
    /// It runs in a task of its own, as ``installer(_:policy:_:)`` says.
    public mutating func uninstaller(
        _ name: String, policy: CallPolicy = CallPolicy(),
        _ body: @escaping @Sendable (FunctionCall) async throws -> StepResult
    ) {
        register(.uninstaller(name), policy: policy) { try await body($0).json }
    }

    /// Registers an uninstaller that is done as soon as it is called, at the price that ``immediateInstaller(_:policy:_:)``
    /// has: no timeout, no cancelling, and the flow's thread does nothing else meanwhile.
    public mutating func immediateUninstaller(
        _ name: String, policy: CallPolicy = CallPolicy(),
        _ body: @escaping @Sendable (FunctionCall) throws -> StepResult
    ) {
        register(.uninstaller(name), policy, .immediate { try body($0).json })
    }

    // MARK: The connector as a whole

    /// Registers the connector's own installer: called for an integration without steps, to write them.
    ///
    /// It is ``ConnectorFunction/connectorInstaller``, and not the installer of a step: ``installer(_:policy:_:)``.
    public mutating func connectorInstaller(
        policy: CallPolicy = CallPolicy(), _ body: @escaping @Sendable (FunctionCall) async throws -> Void
    ) {
        register(.connectorInstaller, policy: policy, returningNothing(body))
    }

    /// Registers what gives the order in which steps are undone.
    public mutating func preUninstall(
        policy: CallPolicy = CallPolicy(), _ body: @escaping @Sendable (FunctionCall) async throws -> UninstallOrder
    ) {
        register(.preUninstall, policy: policy) { try await body($0).json }
    }

    /// Registers the connector's own uninstaller: the last call before the integration is deleted.
    ///
    /// It is ``ConnectorFunction/connectorUninstaller``, and not the uninstaller of a step: ``uninstaller(_:policy:_:)``.
    public mutating func connectorUninstaller(
        policy: CallPolicy = CallPolicy(), _ body: @escaping @Sendable (FunctionCall) async throws -> Void
    ) {
        register(.connectorUninstaller, policy: policy, returningNothing(body))
    }

    /// Registers what brings an integration to a version from the one before.
    public mutating func update(
        to version: ConnectorVersion, policy: CallPolicy = CallPolicy(),
        _ body: @escaping @Sendable (FunctionCall) async throws -> Void
    ) {
        register(.update(version), policy: policy, returningNothing(body))
    }

    /// Declares a version that an integration is brought to without any work: only its version is written. An update to
    /// a version that is neither declared nor has a function is refused.
    public mutating func update(to version: ConnectorVersion) {
        functions.releases.insert(version)
    }

    // MARK: Settings

    /// Registers what checks and carries out a change of settings; ``FunctionCall/pending`` has it.
    public mutating func persistSettings(
        policy: CallPolicy = CallPolicy(), _ body: @escaping @Sendable (FunctionCall) async throws -> SettingsResult
    ) {
        register(.persistSettings, policy: policy) { try await body($0).json }
    }

    /// Registers what answers with a settings field anew.
    public mutating func refreshMetadata(policy: CallPolicy = CallPolicy(), _ body: @escaping Body) {
        register(.refreshMetadata, policy: policy, body)
    }

    /// Registers what follows a change of the licence's edition.
    public mutating func changeEdition(
        policy: CallPolicy = CallPolicy(), _ body: @escaping @Sendable (FunctionCall) async throws -> Void
    ) {
        register(.changeEdition, policy: policy, returningNothing(body))
    }

    /// Registers what answers with the metadata of mappings.
    public mutating func getMappingMetadata(
        policy: CallPolicy = CallPolicy(), _ body: @escaping @Sendable (FunctionCall) async throws -> [JSON]
    ) {
        register(.getMappingMetadata, policy: policy) { JSON(try await body($0)) }
    }

    // MARK: Other extension functions

    /// Registers a function that exports and imports call on their data.
    public mutating func hook(_ name: String, policy: CallPolicy = CallPolicy(), _ body: @escaping Body) {
        register(.hook(name), policy: policy, body)
    }

    /// Registers a function that stands in for an application.
    public mutating func wrapper(_ name: String, policy: CallPolicy = CallPolicy(), _ body: @escaping Body) {
        register(.wrapper(name), policy: policy, body)
    }

    /// Registers a function of any other use.
    public mutating func utility(_ name: String, policy: CallPolicy = CallPolicy(), _ body: @escaping Body) {
        register(.utility(name), policy: policy, body)
    }

    /// Registers a function that is in none of these groups: it is called by its name alone, without a type.
    public mutating func untyped(_ name: String, policy: CallPolicy = CallPolicy(), _ body: @escaping Body) {
        register(.untyped(name), policy: policy, body)
    }

    private func returningNothing(_ body: @escaping @Sendable (FunctionCall) async throws -> Void) -> Body {
        { call in
            try await body(call)
            return .null
        }
    }
}
