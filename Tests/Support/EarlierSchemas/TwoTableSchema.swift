import Foundation
package import SmartConnectorSQL
import SmartConnectorTesting

/// What a store of the time had that kept documents and journal in tables of their own, and what has to be found of it.
package enum TwoTableSchema {
    /// The migration before which it was made.
    package static let migration = "one row for document and journal"

    /// What it had: an integration that is being installed, one that is not journalled, and the journal of one whose
    /// document was elsewhere.
    package static let statements = [
        #"INSERT INTO integration (id, revision, document, connector) VALUES ('a', 3, '{"_id":"a","mode":"install"}', 'c')"#,
        #"INSERT INTO integration (id, revision, document) VALUES ('b', 1, '{"_id":"b"}')"#,
        "INSERT INTO state (integration, key, value) VALUES ('b', 'k', '1')",
        "INSERT INTO integration (id, revision, document) VALUES ('c', 1, '{}')",
        "INSERT INTO integration (id, revision, document) VALUES ('d', 1, '{}')",
        "DELETE FROM integration WHERE id IN ('c', 'd')",
        journal("a", 0, revision: 3, writer: "'w'", holder: "'h'", expires: 4_102_444_800_000, #"{"call":\#(call)}"#),
        journal("a", 2000, attempt(1)),
        journal("a", 2001, attempt(2)),
        journal("a", 3000, attempt(3)),
        journal("elsewhere", 0, revision: 2, "{}", snapshot: #"'{"_id":"elsewhere"}'"#),
        journal("elsewhere", 2000, attempt(1)),
    ]

    private static let call =
        #"{"function":{"installer":"verify"},"key":"k","attempt":4,"holder":"h","started":1000}"#

    private static func attempt(_ number: Int) -> String {
        #"{"function":{"installer":"verify"},"key":"k","number":\#(number),"holder":"h","started":1000,"ended":2000}"#
    }

    private static func journal(
        _ integration: String, _ number: Int, revision: Int? = nil, writer: String = "NULL", holder: String = "NULL",
        expires: Int? = nil, _ record: String, snapshot: String = "NULL"
    ) -> String {
        """
        INSERT INTO journal (integration, number, revision, writer, holder, expires, record, snapshot) VALUES (
        '\(integration)', \(number), \(revision.map(String.init) ?? "NULL"), \(writer), \(holder),
        \(expires.map(String.init) ?? "NULL"), '\(record)', \(snapshot))
        """
    }

    /// Looks for all of it.
    ///
    /// - Throws: ``BrokenPromise``.
    package static func check(_ store: some SQLStore) async throws {
        let documents = try await store.list().map(\.integration.id)
        try expect(documents, is: ["a", "b"], "the documents")
        let (entry, stored) = try await store.read("a")
        try expect(stored.revision, is: Revision("3"), "the document's revision")
        try expect(entry.revision, is: 3, "the number of the journal's writes")
        try expect(entry.lease?.holder, is: "h", "the holder of the lease")
        try expect(entry.record.call?.attempt, is: 4, "the call under way")
        let history = try await store.history(of: "a").map(\.number)
        try expect(history, is: [1, 2, 3], "the history")
        let state = try await store.state("k", of: "b")
        try expect(state, is: 1, "the state")
        // The journal of a document that is elsewhere.
        let other = try await store.entry(of: "elsewhere")
        try expect(other, is: JournalEntry(revision: 2), "the entry without a document")
        let otherHistory = try await store.history(of: "elsewhere").map(\.number)
        try expect(otherHistory, is: [1], "the history without a document")
        let snapshot = try await store.snapshot(of: "elsewhere")
        try expect(snapshot?.id, is: "elsewhere", "the snapshot")
        // And it is worked with.
        let write = JournalWrite(FlowRecord(), by: "h", after: 3, keepingLease: false, attempts: [attempted(4)])
        _ = try await store.update("a", to: stored.integration, ifRevision: stored.revision, writing: write)
        let longer = try await store.history(of: "a").map(\.number)
        try expect(longer, is: [1, 2, 3, 4], "the history after another write")
        try await store.write(JournalWrite(FlowRecord(), by: "h", after: 2), of: "elsewhere")
        let created = try await store.create(Integration([:]))
        let afterAll = try await store.list(after: "4", limit: 10).integrations
        try expect(afterAll, is: [created], "what comes after all numbers that were given before")
        try await store.delete("b")
        let left = try await store.list().map(\.integration.id).prefix(1)
        try expect(left, is: ["a"], "the first document after deleting another")
    }

    private static func attempted(_ number: Int) -> Attempt {
        Attempt(
            function: .installer("verify"), idempotencyKey: "k", number: number, holder: "h", started: Date(),
            ended: Date(), outcome: .succeeded)
    }
}
