/// Why the engine refuses to do something. Nothing was changed.
public struct SmartConnectorError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A stable name for the reason.
    public struct Code: RawRepresentable, Sendable, Hashable {
        /// The reason as text, such as `illegal_command`.
        public let rawValue: String

        /// A reason by its text. Those that the engine gives are listed here.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The document is a DIY integration, or has no mode.
        public static let notASmartConnector = Code(rawValue: "not_a_smartconnector")
        /// The document's mode is none of the three.
        public static let unknownMode = Code(rawValue: "unknown_mode")
        /// The document is no object, or its `install` no array of objects.
        public static let malformedDocument = Code(rawValue: "malformed_document")
        /// The document has steps of the platform's second generation, which this engine does not drive.
        public static let secondGeneration = Code(rawValue: "second_generation")
        /// What is to be saved is nested more deeply than is stored.
        public static let tooDeep = Code(rawValue: "too_deep")
        /// The command is not allowed in this mode.
        public static let illegalCommand = Code(rawValue: "illegal_command")
        /// The document names functions that the connector does not have.
        public static let missingFunctions = Code(rawValue: "missing_functions")
        /// No step has that name, function or index.
        public static let noSuchStep = Code(rawValue: "no_such_step")
        /// Several steps have that name or function.
        public static let ambiguousStep = Code(rawValue: "ambiguous_step")
        /// The version is older than the installed one, or than one whose update function was called for an update under way.
        public static let versionNotNewer = Code(rawValue: "version_not_newer")
        /// The connector is not known to have that version.
        public static let unknownVersion = Code(rawValue: "unknown_version")
        /// The document's `version` is no version, so that nobody can say what is newer.
        public static let unreadableVersion = Code(rawValue: "unreadable_version")
        /// The document has no steps, and nobody knows whether the connector has an installer that writes them.
        public static let unknownInstaller = Code(rawValue: "unknown_installer")
        /// The settings have no field of a name that is to be saved, and no member either.
        public static let unknownSetting = Code(rawValue: "unknown_setting")
        /// The server answered that it stored the document, and did not store this field.
        public static let fieldIgnored = Code(rawValue: "field_ignored")
        /// Somebody else changed the document each time between reading and writing.
        public static let conflict = Code(rawValue: "conflict")
        /// The integration is being driven already, by this flow or by somebody else.
        public static let busy = Code(rawValue: "busy")
        /// Somebody else has taken over the integration.
        public static let leaseLost = Code(rawValue: "lease_lost")
        /// There is no call of which nobody knows whether it took effect.
        public static let nothingInDoubt = Code(rawValue: "nothing_in_doubt")
    }

    /// What there is to say, in one object: a function that throws this has room for it in each of its answers.
    private struct Reason: Equatable {
        let code: Code
        let message: String
        let mode: Mode?
        let command: IntegrationCommand?
        let legalCommands: [IntegrationCommand]
        let functions: [ConnectorFunction]
    }

    private let reason: Boxed<Reason>

    /// The reason, for a program to switch on.
    public var code: Code { reason.value.code }
    /// What is wrong and what to do.
    public var message: String { reason.value.message }
    /// For an illegal command: the mode it was given in, or nil once the integration is gone.
    public var mode: Mode? { reason.value.mode }
    /// For an illegal command: what was asked.
    public var command: IntegrationCommand? { reason.value.command }
    /// For an illegal command: what would be allowed. Otherwise empty.
    public var legalCommands: [IntegrationCommand] { reason.value.legalCommands }
    /// For missing functions: all of them, in the order in which the document names them. Otherwise empty.
    public var functions: [ConnectorFunction] { reason.value.functions }

    init(
        _ code: Code, _ message: String, mode: Mode? = nil, command: IntegrationCommand? = nil,
        legalCommands: [IntegrationCommand] = [], functions: [ConnectorFunction] = []
    ) {
        reason = Boxed(
            Reason(
                code: code, message: message, mode: mode, command: command, legalCommands: legalCommands,
                functions: functions))
    }

    /// The message alone, which is written to be shown to a person.
    public var description: String { message }
}

extension JSON {
    /// Refuses settings that no document can hold, before anybody is asked to save them: a document has them one level
    /// further down.
    package func checkDepthOfSettings() throws(SmartConnectorError) {
        guard let fault = depthFault(of: "what is to be saved in settings", limit: Self.maximumDocumentDepth - 1) else {
            return
        }
        throw SmartConnectorError(.tooDeep, fault)
    }
}
