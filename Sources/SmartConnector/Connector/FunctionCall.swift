/// What a connector function is given when it is called.
public struct FunctionCall: Sendable {
    /// The function that was called.
    public let function: ConnectorFunction
    public let connectorID: String
    public let integrationID: String
    /// The step that is being installed or undone.
    public let step: InstallStep?
    /// The document as it was read before the call.
    public let document: Integration?
    /// What the caller sends along.
    public let options: CallOptions
    /// For a settings function: the settings to be changed, as a part of `settings`.
    public let pending: JSON?
    /// Counts the calls made for this step, from 1, retries and calls before a crash included.
    public let attempt: Int
    /// The same over crashes and retries of one step, another when the step is deliberately run anew. Send it to other
    /// systems, so that they do a repeated request once.
    public let idempotencyKey: String
    /// The Integration API, for functions that read or change more of the integration.
    public let api: any IntegrationAPI

    public init(
        _ function: ConnectorFunction, connectorID: String, integrationID: String, step: InstallStep? = nil,
        document: Integration? = nil, options: CallOptions = CallOptions(), pending: JSON? = nil, attempt: Int = 1,
        idempotencyKey: String, api: any IntegrationAPI
    ) {
        self.function = function
        self.connectorID = connectorID
        self.integrationID = integrationID
        self.step = step
        self.document = document
        self.options = options
        self.pending = pending
        self.attempt = attempt
        self.idempotencyKey = idempotencyKey
        self.api = api
    }
}

/// What the platform, or whoever drives a flow, sends along with each call.
///
/// Source of the members: the extension functions of integrator.io.
public struct CallOptions: Sendable, Equatable {
    /// A token for this integration's resources that expires after the call.
    public var bearerToken: Secret?
    /// The licence: `opts`.
    public var opts: JSON?
    /// The store that a step is run for, in a connector of several stores.
    public var storeID: String?
    /// The add-on that a step is run for.
    public var addOnID: String?
    /// What the user entered in the step's form: `formVal`.
    public var formValues: JSON?

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
}
