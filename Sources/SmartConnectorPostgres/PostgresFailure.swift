import SmartConnectorSQL

/// Why the database did not do what it was asked, and what is known of what it did.
struct PostgresFailure: Error, Equatable {
    /// The failure in the terms of the API.
    var error: APIError
    /// Whether the changes may have been made all the same: the connection was lost after the database was asked to
    /// commit and before it answered. Otherwise nothing was applied.
    var isOutcomeUnknown = false
    /// Whether the connection is gone with it.
    var isConnectionLost = false
    /// Whether another attempt to connect is in vain: a wrong password, a database that does not exist.
    var isPermanent = false
    /// Why a prepared statement cannot be used any more, where it was that.
    var staleness: Staleness?
    /// Which statement of a pipeline failed, where it was one of them.
    var statement: Int?

    /// What has become of a prepared statement.
    enum Staleness {
        /// The session does not have it.
        case forgotten
        /// Its rows have changed with the table.
        case altered
    }

    init(
        _ error: APIError, isOutcomeUnknown: Bool = false, isConnectionLost: Bool = false, isPermanent: Bool = false
    ) {
        self.error = error
        self.isOutcomeUnknown = isOutcomeUnknown
        self.isConnectionLost = isConnectionLost
        self.isPermanent = isPermanent
    }

    /// What an error of the server means.
    ///
    /// - Parameters:
    ///   - state: Its SQLSTATE.
    ///   - message: Its text, without secrets.
    ///   - isFatal: Whether the server ended the connection with it.
    ///   - database: The database, as messages name it.
    init(state: String, message: String, isFatal: Bool, database: String) {
        func error(_ code: APIError.Code, _ what: String, status: Int? = nil) -> APIError {
            APIError(code, "the database \(database) \(what): \(message)", status: status)
        }
        switch state {
        case "57P01", "57P02", "57P03", "57P05", "25P03":
            self.init(error(.unavailable, "cannot be reached"), isConnectionLost: true)
        case _ where state.hasPrefix("08"):
            self.init(error(.unavailable, "cannot be reached"), isConnectionLost: true)
        case "3D000":
            self.init(error(.unavailable, "cannot be used"), isConnectionLost: isFatal, isPermanent: true)
        case _ where state.hasPrefix("28"):
            self.init(
                error(.unauthorized, "does not accept these credentials", status: 401), isConnectionLost: isFatal,
                isPermanent: true)
        case "42501":
            self.init(
                error(.forbidden, "does not allow it", status: 403), isConnectionLost: isFatal, isPermanent: true)
        case "25006":
            self.init(error(.forbidden, "may only be read", status: 403), isConnectionLost: isFatal)
        case "55P03", "40001", "40P01", "57014":
            self.init(error(.busy, "is busy; try again", status: 503), isConnectionLost: isFatal)
        case "53100":
            self.init(
                error(.storageFull, "has a full disk; nothing was written", status: 507), isConnectionLost: isFatal)
        case _ where state.hasPrefix("22") || state.hasPrefix("23"):
            self.init(error(.invalid, "does not accept a value", status: 422), isConnectionLost: isFatal)
        case _ where ["XX001", "XX002", "3F000"].contains(state) || state.hasPrefix("42"):
            self.init(error(.corrupt, "is not what it should be"), isConnectionLost: isFatal)
        default:
            self.init(error(.unavailable, "failed"), isConnectionLost: isFatal)
        }
        staleness =
            switch state {
            case "26000": .forgotten
            case "0A000": .altered
            default: nil
            }
    }
}
