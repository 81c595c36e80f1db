import SmartConnectorSQL
import Synchronization

extension PostgresStore {
    enum Statements {
        static let dialect = SQLDialect(
            currentTime: "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
            locking: "FOR UPDATE", skippingLocked: "FOR UPDATE SKIP LOCKED")

        /// The statements for transactions, by the numbers of their steps: there are few.
        private static let composed = Guarded<[[Int]: String]>([:])

        /// A transaction as one statement, which needs one round trip and can be sent together with others. It answers with
        /// how many rows each step changed. The first decides: the others do something only where it did.
        static func statement(for transaction: SQLTransaction) -> (sql: String, values: [SQLValue]) {
            let sql = composed.withLock { composed in
                let key = transaction.steps.map(\.statement.number)
                if let known = composed[key] { return known }
                let sql = compose(transaction.steps)
                composed[key] = sql
                return sql
            }
            return (sql, transaction.steps.flatMap(\.values))
        }

        private static func compose(_ steps: [SQLTransaction.Step]) -> String {
            var offset = 0
            let parts = steps.enumerated().map { index, step in
                let sql = step.statement.text.replacing(#/\$(\d+)/#) { "$\(offset + (Int($0.1) ?? 0))" }
                offset += step.values.count
                let condition = index == 0 ? "" : " AND EXISTS (SELECT 1 FROM step0)"
                return "step\(index) AS (\(sql)\(condition) RETURNING 1)"
            }
            let counts = steps.indices.map { "(SELECT count(*) FROM step\($0))" }
            return "WITH \(parts.joined(separator: ",\n")) SELECT \(counts.joined(separator: ", "))"
        }
    }
}
