public import SmartConnector

extension SQLStore {
    /// The value under a key.
    public func state(_ key: String, of integration: String) async throws -> JSON? {
        try await timedState(key, of: integration).value
    }

    /// The value under a key, and the time by the clock that leases end by here.
    public func timedState(_ key: String, of integration: String) async throws -> (value: JSON?, time: StateTime?) {
        let clock = "SELECT \(dialect.sharedTime)"
        let (rows, now) = try await perform(writing: false) { session in
            try session.requireDocument(of: integration)
            let rows = try session.rows(
                "SELECT value FROM state WHERE integration = $1 AND key = $2", [.text(integration), .text(key)])
            return (rows, try session.rows(clock, []).first ?? [])
        }
        let value = try rows.first.map { row in
            try decoded(row[0], "the state \(key) of integration \(integration)") { $0 }
        }
        guard now.count == 2, let milliseconds = now[0].integer, let name = now[1].string else { return (value, nil) }
        return (value, StateTime(milliseconds: milliseconds, clock: name, resolution: .milliseconds(1)))
    }

    /// All keys under which there are values.
    public func stateKeys(of integration: String) async throws -> [String]? {
        let rows = try await perform(writing: false) { session in
            try session.requireDocument(of: integration)
            return try session.rows("SELECT key FROM state WHERE integration = $1", [.text(integration)])
        }
        return rows.compactMap { $0[0].string }
    }

    /// Puts a value under a key.
    public func setState(_ key: String, of integration: String, to value: JSON) async throws {
        if let error = APIError.tooDeep(value, "the state \(key)", limit: JSON.maximumStateDepth) { throw error }
        let values: [SQLValue] = [.text(integration), .text(key), .text(value.utf8())]
        let locking = dialect.locking
        try await perform(writing: true) { session in
            // Whoever deletes it meanwhile waits, and then finds this.
            try session.requireDocument(of: integration, locking)
            try session.rows(
                """
                INSERT INTO state (integration, key, value) VALUES ($1, $2, $3)
                ON CONFLICT (integration, key) DO UPDATE SET value = excluded.value
                """, values)
        }
    }

    /// Removes the value under a key.
    public func removeState(_ key: String, of integration: String) async throws {
        try await perform(writing: true) { session in
            try session.requireDocument(of: integration)
            try session.rows(
                "DELETE FROM state WHERE integration = $1 AND key = $2", [.text(integration), .text(key)])
        }
    }

    /// Removes the values under all keys, at once.
    public func removeAllState(of integration: String) async throws {
        let removeState = dialect.removeState
        try await perform(writing: true) { session in
            try session.requireDocument(of: integration)
            _ = try session.changedRows(removeState, [.text(integration)])
        }
    }
}

extension SQLSession {
    /// Throws where there is no document.
    ///
    /// - Parameter locking: What a `SELECT` ends with that locks its rows.
    fileprivate func requireDocument(of integration: String, _ locking: String = "") throws(APIError) {
        let rows = try rows(
            "SELECT 1 FROM integration WHERE id = $1 AND document IS NOT NULL \(locking)", [.text(integration)])
        if rows.isEmpty { throw APIError.notFound(integration) }
    }
}
