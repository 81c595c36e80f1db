/// Why the engine refuses to do something. Nothing was changed.
public struct SmartConnectorError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A stable name for the reason.
    public struct Code: RawRepresentable, Sendable, Hashable {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The document is a DIY integration, or has no mode.
        public static let notASmartConnector = Code(rawValue: "not_a_smartconnector")
        /// The document's mode is none of the three.
        public static let unknownMode = Code(rawValue: "unknown_mode")
        /// The document is no object, or its `install` no array of objects.
        public static let malformedDocument = Code(rawValue: "malformed_document")
        /// The command is not allowed in this mode.
        public static let illegalCommand = Code(rawValue: "illegal_command")
        /// The document names functions that the connector does not have.
        public static let missingFunctions = Code(rawValue: "missing_functions")
        /// No step has that name, function or index.
        public static let noSuchStep = Code(rawValue: "no_such_step")
        /// Several steps have that name or function.
        public static let ambiguousStep = Code(rawValue: "ambiguous_step")
        /// The version is older than the installed one.
        public static let versionNotNewer = Code(rawValue: "version_not_newer")
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

    public let code: Code
    /// What is wrong and what to do.
    public let message: String
    /// For an illegal command: the mode it was given in.
    public let mode: Mode?
    /// For an illegal command: what was asked.
    public let command: IntegrationCommand?
    /// For an illegal command: what would be allowed.
    public let legalCommands: [IntegrationCommand]
    /// For missing functions: all of them.
    public let functions: [ConnectorFunction]

    init(
        _ code: Code, _ message: String, mode: Mode? = nil, command: IntegrationCommand? = nil,
        legalCommands: [IntegrationCommand] = [], functions: [ConnectorFunction] = []
    ) {
        self.code = code
        self.message = message
        self.mode = mode
        self.command = command
        self.legalCommands = legalCommands
        self.functions = functions
    }

    public var description: String { message }
}
