import Synchronization

/// The engine's own durable memory of the calls under way, apart from the document.
///
/// The document says what is completed; the journal says only what is in between.
public protocol FlowJournal: Sendable {
    /// What is known of an integration's flow.
    func record(of integration: String) async throws -> FlowRecord

    /// Replaces what is known. It must be durable when this returns.
    func save(_ record: FlowRecord, of integration: String) async throws
}

/// What a journal keeps of one integration.
public struct FlowRecord: Sendable, Equatable, Codable {
    /// What the machine remembers beside the document.
    public var memory: InstallMachine.Memory
    /// The call under way, or the last one that failed.
    public var call: Call?

    /// Whether there is nothing to keep.
    public var isEmpty: Bool { call == nil && memory.uninstallOrder == nil && memory.update == nil }

    public init(memory: InstallMachine.Memory = InstallMachine.Memory(), call: Call? = nil) {
        self.memory = memory
        self.call = call
    }

    /// A call of a connector function, at one moment of it. An object, since records are handed on at every moment.
    public final class Call: Sendable, Equatable, Codable {
        public let function: ConnectorFunction
        /// The step it was called for.
        public let step: StepReference?
        /// The settings it was called with.
        public let pending: JSON?
        /// What the function was given as ``FunctionCall/idempotencyKey``.
        public let idempotencyKey: String
        /// How often it has been called for this step.
        public let attempt: Int
        public let state: State

        public init(
            function: ConnectorFunction, step: StepReference? = nil, pending: JSON? = nil, idempotencyKey: String,
            attempt: Int = 1, state: State = .started
        ) {
            self.function = function
            self.step = step
            self.pending = pending
            self.idempotencyKey = idempotencyKey
            self.attempt = attempt
            self.state = state
        }

        public enum State: Sendable, Equatable, Codable {
            /// It was called, and no return is known: whether it took effect is in doubt.
            case started
            /// It returned this, which is not in the document yet. It is not called again.
            case returned(JSON)
            /// It failed.
            case failed(FunctionFailure)
        }

        /// The same call at another moment.
        func with(_ state: State) -> Call {
            Call(
                function: function, step: step, pending: pending, idempotencyKey: idempotencyKey, attempt: attempt,
                state: state)
        }

        public static func == (left: Call, right: Call) -> Bool {
            left === right
                || left.function == right.function && left.step == right.step && left.pending == right.pending
                    && left.idempotencyKey == right.idempotencyKey && left.attempt == right.attempt
                    && left.state == right.state
        }
    }
}

/// A journal that lasts as long as the process.
public final class InMemoryJournal: FlowJournal {
    private let records = Guarded<[String: FlowRecord]>([:])

    public init() {}

    public func record(of integration: String) async throws -> FlowRecord {
        records.withLock { $0[integration] } ?? FlowRecord()
    }

    public func save(_ record: FlowRecord, of integration: String) async throws {
        records.withLock { $0[integration] = record.isEmpty ? nil : record }
    }
}
