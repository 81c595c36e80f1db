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
    /// None or one: an array, so that copies of a record share it.
    private var calls: [Call]

    /// Whether there is nothing to keep.
    public var isEmpty: Bool { calls.isEmpty && memory.uninstallOrder == nil && memory.update == nil }

    public init(memory: InstallMachine.Memory = InstallMachine.Memory(), call: Call? = nil) {
        self.memory = memory
        calls = call.map { [$0] } ?? []
    }

    /// The call under way, or the last one that failed.
    public var call: Call? {
        get { calls.first }
        set { calls = newValue.map { [$0] } ?? [] }
    }

    /// A call of a connector function.
    public struct Call: Sendable, Equatable, Codable {
        public var function: ConnectorFunction
        /// The step it was called for.
        public var step: StepReference?
        /// The settings it was called with.
        public var pending: JSON?
        /// What the function was given as ``FunctionCall/idempotencyKey``.
        public var idempotencyKey: String
        /// How often it has been called for this step.
        public var attempt: Int
        public var state: State

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

        func failed(_ failure: FunctionFailure) -> Call {
            var call = self
            call.state = .failed(failure)
            return call
        }
    }
}

/// A journal that lasts as long as the process.
public final class InMemoryJournal: FlowJournal {
    private let records = Mutex<[String: FlowRecord]>([:])

    public init() {}

    public func record(of integration: String) async throws -> FlowRecord {
        records.withLock { $0[integration] } ?? FlowRecord()
    }

    public func save(_ record: FlowRecord, of integration: String) async throws {
        records.withLock { $0[integration] = record.isEmpty ? nil : record }
    }
}
