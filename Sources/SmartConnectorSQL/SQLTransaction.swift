import SmartConnector
import Synchronization

/// A statement whose text never changes, so that a connection may keep it prepared and find it by its number: to find it
/// by its text would take longer than to run it.
public final class SQLStatement: Sendable {
    private static let count = Atomic(0)

    /// The statement, with the parameters `$1`, `$2`, ….
    public let text: String
    /// Counts the statements of this process, from 0.
    public let number: Int

    package init(_ text: String) {
        self.text = text
        number = Self.count.add(1, ordering: .relaxed).oldValue
    }
}

/// What is to be changed at once or not at all, all of it known before it begins.
///
/// SQLite runs it statement by statement under its lock, PostgreSQL as one statement in one round trip.
public struct SQLTransaction: Sendable {
    /// A statement and how many rows it has to change.
    public struct Step: Sendable {
        /// The statement.
        public let statement: SQLStatement
        /// The values of its parameters.
        public let values: [SQLValue]
        /// How many rows it has to change; nil for any number. What changes any number may depend on rows that others
        /// write meanwhile, so that it has to see what is there after the first step has got its lock.
        public let changedRows: Int?

        init(_ statement: SQLStatement, _ values: [SQLValue], changing changedRows: Int?) {
            self.statement = statement
            self.values = values
            self.changedRows = changedRows
        }
    }

    /// The integration that it is about.
    public let integration: String
    /// The first decides: where it does not change what it has to, nothing is changed. Each ends with a condition, to which
    /// another can be added.
    public let steps: [Step]

    init(of integration: String, _ steps: [Step]) {
        precondition(steps.first?.changedRows != nil, "the first statement has to decide")
        self.integration = integration
        self.steps = steps
    }

    /// Whether it was applied, by how many rows each statement changed.
    ///
    /// - Throws: `APIError` where the first was applied and another was not: the database is not as this package makes it.
    public func isApplied(changing counts: [Int]) throws(APIError) -> Bool {
        guard counts.first == steps[0].changedRows else { return false }
        precondition(counts.count == steps.count, "each statement has a count")
        for (step, count) in zip(steps, counts) { try check(count, of: step) }
        return true
    }

    /// Throws where a statement has changed more or fewer rows than it has to.
    fileprivate func check(_ count: Int, of step: Step) throws(APIError) {
        guard let expected = step.changedRows, count != expected else { return }
        throw APIError(
            .corrupt,
            "the store is damaged: a statement about integration \(integration) changed \(count) rows, not \(expected)")
    }
}

extension SQLSession {
    /// Applies a transaction within the one of this session.
    ///
    /// - Returns: False where its first statement did not change what it has to; then nothing is changed.
    /// - Throws: `APIError`; then the session's transaction is to be undone.
    public func apply(_ transaction: SQLTransaction) throws(APIError) -> Bool {
        for (index, step) in transaction.steps.enumerated() {
            let count = try changedRows(step.statement, step.values)
            if index == 0, count != step.changedRows { return false }
            try transaction.check(count, of: step)
        }
        return true
    }
}
