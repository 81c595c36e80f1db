import SmartConnector

extension IntegrationPage {
    /// A page of what is kept in memory. Its cursor is the last `_id` on it.
    ///
    /// - Parameters:
    ///   - ids: All that there ever were, in the order they were created.
    ///   - cursor: The `_id` behind which the page begins, or nil for the first one.
    ///   - limit: How many at most.
    ///   - document: What is kept of an `_id`; nil where it is deleted.
    /// - Throws: `APIError` where `cursor` is no `_id` that there was, or nothing may be on the page.
    init(
        of ids: [String], after cursor: String?, limit: Int, document: (String) -> StoredIntegration?
    ) throws(APIError) {
        try APIError.checkLimit(limit)
        var rest = ids[...]
        if let cursor {
            guard let last = ids.firstIndex(of: cursor) else { throw APIError.noCursor(cursor) }
            rest = ids[(last + 1)...]
        }
        var (page, last): ([StoredIntegration], String?) = ([], nil)
        while page.count < limit, let id = rest.popFirst() {
            guard let stored = document(id) else { continue }
            page.append(stored)
            last = id
        }
        self.init(page, next: rest.contains { document($0) != nil } ? last : nil)
    }
}
