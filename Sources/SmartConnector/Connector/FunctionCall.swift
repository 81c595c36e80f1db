import Foundation

/// What a connector function is given when it is called.
public struct FunctionCall: Sendable {
    /// What all calls of one flow have in common.
    final class Context: Sendable {
        let connectorID: String
        let integrationID: String
        let options: CallOptions
        let api: any IntegrationAPI
        let ledger: LedgerPlace

        init(
            connectorID: String, integrationID: String, options: CallOptions, api: any IntegrationAPI,
            ledger: LedgerPlace
        ) {
            self.connectorID = connectorID
            self.integrationID = integrationID
            self.options = options
            self.api = api
            self.ledger = ledger
        }

        func change(_ changes: [LedgerChange]) async throws {
            switch ledger {
            case .journal(let journal): try await journal.changeLedger(changes, of: integrationID)
            case .elsewhere(let change, _): try await change?(changes)
            }
        }

        func readLedger() async throws -> [LedgerEntry] {
            switch ledger {
            case .journal(let journal): try await journal.ledger(of: integrationID)
            case .elsewhere(_, let read): try await read?() ?? []
            }
        }
    }

    /// Where it is kept what functions have made.
    enum LedgerPlace: Sendable {
        case journal(any FlowJournal)
        case elsewhere(
            change: (@Sendable ([LedgerChange]) async throws -> Void)?,
            read: (@Sendable () async throws -> [LedgerEntry])?)
    }

    private let context: Context
    private let call: FlowRecord.Call
    /// The step that is being installed or undone, where whoever calls says it. On a stack it does not: the platform does
    /// not send it.
    package let givenStep: InstallStep?
    /// The document as it was read before the call, where whoever calls has it.
    package let givenDocument: Integration?

    /// The function that was called.
    public var function: ConnectorFunction { call.function }
    /// The `_connectorId` of the connector whose function this is.
    public var connectorID: String { context.connectorID }
    /// The `_id` of the integration that the call is for; on the wire `_integrationId`.
    public var integrationID: String { context.integrationID }
    /// What the caller sends along.
    public var options: CallOptions { context.options }
    /// For a settings function: the settings to be changed, as a part of `settings`. Nil for any other.
    public var pending: JSON? { call.pending }
    /// Counts the calls made for this step, from 1, retries and calls before a crash included.
    public var attempt: Int { call.attempt }
    /// The same over crashes and retries of one step, another when the step is deliberately run anew. Send it to other
    /// systems, so that they do a repeated request once.
    public var idempotencyKey: String { call.idempotencyKey }
    /// The Integration API, for functions that read or change more of the integration.
    public var api: any IntegrationAPI { context.api }

    /// Where to record what is made and removed in other systems, and to look what there is.
    public var ledger: Ledger {
        Ledger(of: function) { [context] changes in
            try await context.change(changes)
        } read: { [context] in
            try await context.readLedger()
        }
    }

    /// Records what was made and removed in other systems.
    package func record(_ changes: [LedgerChange]) async throws {
        if !changes.isEmpty { try await context.change(changes) }
    }

    /// A call, made by who drives an integration, answers for a stack, or tests a function.
    ///
    /// - Parameters:
    ///   - function: The function that is called.
    ///   - connectorID: The connector's `_connectorId`.
    ///   - integrationID: The integration's `_id`.
    ///   - step: The step that is installed or undone, where there is one.
    ///   - document: The document as it was read before the call, where it was.
    ///   - options: What is sent along.
    ///   - pending: For a settings function: the settings to be changed, as a part of `settings`.
    ///   - attempt: Counts the calls made for this step, from 1.
    ///   - idempotencyKey: The same for each call that is made for one purpose.
    ///   - api: Where the function reads and changes the integration.
    ///   - changeLedger: Keeps what the function records in its ``ledger``. Without it nothing is kept.
    ///   - readLedger: What is kept there. Without it nothing is found.
    public init(
        _ function: ConnectorFunction, connectorID: String, integrationID: String, step: InstallStep? = nil,
        document: Integration? = nil, options: CallOptions = CallOptions(), pending: JSON? = nil, attempt: Int = 1,
        idempotencyKey: String, api: any IntegrationAPI,
        changeLedger: (@Sendable ([LedgerChange]) async throws -> Void)? = nil,
        readLedger: (@Sendable () async throws -> [LedgerEntry])? = nil
    ) {
        self.init(
            FlowRecord.Call(function: function, pending: pending, idempotencyKey: idempotencyKey, attempt: attempt),
            in: Context(
                connectorID: connectorID, integrationID: integrationID, options: options, api: api,
                ledger: .elsewhere(change: changeLedger, read: readLedger)),
            step: step, document: document)
    }

    /// The same call, with another way to the API and the ledger.
    package func reaching(
        _ api: any IntegrationAPI,
        changingLedger changeLedger: @escaping @Sendable ([LedgerChange]) async throws -> Void,
        readingLedger readLedger: @escaping @Sendable () async throws -> [LedgerEntry]
    ) -> FunctionCall {
        FunctionCall(
            call,
            in: Context(
                connectorID: connectorID, integrationID: integrationID, options: options, api: api,
                ledger: .elsewhere(change: changeLedger, read: readLedger)),
            step: givenStep, document: givenDocument)
    }

    /// The document: as it was read before the call, or read now where the caller did not send it, as the platform does
    /// not when it calls a stack.
    ///
    /// - Throws: ``APIError`` where it has to be read now and cannot be.
    public func integration() async throws -> Integration {
        if let givenDocument { return givenDocument }
        return try await api.get(integrationID).integration
    }

    /// The step that is being installed or undone; nil where the function is called for the integration as a whole, or no
    /// step names it.
    ///
    /// Where the caller did not send it, as the platform does not when it calls a stack, it is looked for in
    /// ``integration()``. Of several steps that name the function it is then the one whose turn it is: the first that is not
    /// completed, and in uninstalling the last that is.
    ///
    /// - Throws: ``APIError`` where the document has to be read now and cannot be; ``SmartConnectorError`` where it is none
    ///   that has steps.
    public func step() async throws -> InstallStep? {
        if let givenStep { return givenStep }
        switch function {
        case .installer, .uninstaller: break
        case .connectorInstaller, .preUninstall, .connectorUninstaller, .update, .setting, .hook, .wrapper, .utility,
            .untyped:
            return nil
        }
        return try step(of: try await integration())
    }

    /// The step whose turn it is. It is no part of a function that awaits, and says of no type that it throws it: the
    /// compiler (6.3.1, release) cannot split that function otherwise.
    @inline(never)
    private func step(of integration: Integration) throws -> InstallStep? {
        let machine = try InstallMachine(integration, functions: .open)
        return machine.step(calling: function).flatMap { machine.element(of: $0) }
    }

    init(_ call: FlowRecord.Call, in context: Context, step: InstallStep?, document: Integration?) {
        self.call = call
        self.context = context
        givenStep = step
        givenDocument = document
    }
}

/// What the platform, or whoever drives a flow, sends along with each call.
///
/// Source of the members: the extension functions of integrator.io.
public struct CallOptions: Sendable, Equatable {
    /// A token for this integration's resources alone. It expires after the call, at the latest after 15 minutes. Nil
    /// where whoever drives the flow has none to give.
    public var bearerToken: Secret?
    /// The licence: `opts`, an object with `connectorEdition` and `addonLicenses`. Nil where none was sent.
    public var opts: JSON?
    /// The store that a step is run for, in a connector of several stores: `storeId`. Nil for the integration as a
    /// whole.
    public var storeID: String?
    /// The add-on that a step is run for: `addOnId`. Nil for the integration as a whole.
    public var addOnID: String?
    /// What the user entered in the step's form: `formVal`. Nil for a step without one.
    public var formValues: JSON?
    /// What came over the wire, which is taken apart when somebody asks.
    private var received = CallOptions.nothing
    /// An empty object, made once.
    private static let nothing: JSON = [:]

    /// Every other option that came with the call, an object: a hook's `data` and `settings`, for instance. Where a caller
    /// sent something else in place of an object, that; and what has one of the names above and is not of its kind.
    public var others: JSON {
        get {
            guard let members = received.members else { return received }
            return JSON(members.filter { !Self.isOwn($0.name, $0.value) })
        }
        set { received = newValue }
    }

    /// One of ``others``.
    public subscript(name: String) -> JSON? {
        received[name].flatMap { Self.isOwn(name, $0) ? nil : $0 }
    }

    /// Whether an option has a property of its own here.
    private static func isOwn(_ name: String, _ value: JSON) -> Bool {
        switch name {
        case "opts", "formVal": true
        case "bearerToken", "storeId", "addOnId": value.kind == .string
        default: false
        }
    }

    /// Options; what is nil is not sent.
    public init(
        bearerToken: Secret? = nil, opts: JSON? = nil, storeID: String? = nil, addOnID: String? = nil,
        formValues: JSON? = nil
    ) {
        self.bearerToken = bearerToken
        self.opts = opts
        self.storeID = storeID
        self.addOnID = addOnID
        self.formValues = formValues
    }

    /// The `options` of an extension call.
    ///
    /// Source of the names: the extension functions of integrator.io.
    package init(wire options: JSON) {
        bearerToken = options["bearerToken"]?.string.map(Secret.init)
        opts = options["opts"]
        storeID = options["storeId"]?.string
        addOnID = options["addOnId"]?.string
        formValues = options["formVal"]
        received = options
    }
}

extension CallOptions {
    /// The `options` of an extension call, the token in them in plain text.
    package var wire: JSON {
        var options = others
        if let bearerToken { options["bearerToken"] = JSON(bearerToken.value) }
        if let opts { options["opts"] = opts }
        if let storeID { options["storeId"] = JSON(storeID) }
        if let addOnID { options["addOnId"] = JSON(addOnID) }
        if let formValues { options["formVal"] = formValues }
        return options
    }
}
