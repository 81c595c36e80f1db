import CPostgres
import Foundation
import SmartConnectorSQL

/// Where a database is, and for how long it is waited for.
struct PostgresConfiguration: Sendable {
    /// A URI (`postgres://…`) or libpq's `keyword=value` pairs; what it says of TLS and time-outs is heeded.
    let connectionString: String
    /// What must not appear in a message: the passwords of the connection string and of the environment.
    private let secrets: [String]

    /// How long one host may take to accept a connection, where the connection string does not say.
    var connectTimeout: Duration = .seconds(5)
    /// How long a statement may run.
    var statementTimeout: Duration = .seconds(30)
    /// How long a statement waits for a lock.
    var lockTimeout: Duration = .seconds(5)
    /// How long the server may be silent while it is waited for. It gives up a statement earlier by itself.
    var answerTimeout: Duration = .seconds(40)
    /// How long a transaction may be left waiting for its next statement.
    var idleInTransactionTimeout: Duration = .seconds(60)

    /// Reads a connection string.
    ///
    /// - Throws: `APIError` with the code `invalid` where it cannot be understood. The message does not quote it: what
    ///   was misread may well be the password.
    init(connectionString: String) throws(APIError) {
        guard let options = PQconninfoParse(connectionString, nil) else { throw Self.malformed }
        defer { PQconninfoFree(options) }
        var secrets: [String] = []
        var option = options
        while let keyword = option.pointee.keyword {
            defer { option += 1 }
            guard let value = option.pointee.val.map({ String(cString: $0) }), !value.isEmpty else { continue }
            if option.pointee.dispchar.pointee == UInt8(ascii: "*") { secrets.append(value) }
            // Where a password's @, : or / is not percent-encoded, its rest is taken for one of these.
            let isMisread =
                switch String(cString: keyword) {
                case "host": value.contains("@") && !value.hasPrefix("@") && !value.hasPrefix("/")
                case "port": !value.allSatisfy { ("0"..."9").contains($0) || $0 == "," }
                case "dbname": value.contains("@")
                default: false
                }
            if isMisread { throw Self.malformed }
        }
        if let password = ProcessInfo.processInfo.environment["PGPASSWORD"], !password.isEmpty {
            secrets.append(password)
        }
        self.connectionString = connectionString
        self.secrets = secrets
    }

    private static let malformed = APIError(
        .invalid,
        "the connection string of the database cannot be understood; write postgres://USER:PASSWORD@HOST/DATABASE "
            + "with @, :, / and % in the password percent-encoded")

    /// A message of libpq as one line without secrets.
    func cleaned(_ message: String) -> String {
        var text = message.split(whereSeparator: \.isNewline)
            .filter { !$0.hasPrefix("LOCATION:") }
            .map { $0.trimmingCharacters(in: .whitespaces) }
            .joined(separator: " ")
        for secret in secrets { text = text.replacingOccurrences(of: secret, with: "***") }
        return text
    }

    /// What is said to libpq beside the connection string: first what that may override, then what it may not.
    var parameters: [(String, String)] {
        [
            ("connect_timeout", String(connectTimeout.components.seconds)),
            ("fallback_application_name", "smartconnector"),
            // A server that is gone is noticed within about 20 s, whether it is asked or waited for.
            ("keepalives_idle", "5"),
            ("keepalives_interval", "5"),
            ("keepalives_count", "3"),
            ("tcp_user_timeout", "20000"),
            ("dbname", connectionString),
            ("client_encoding", "UTF8"),
        ]
    }

    /// What is set in a new session.
    var settings: [(String, String)] {
        [
            ("statement_timeout", statementTimeout.milliseconds),
            ("lock_timeout", lockTimeout.milliseconds),
            ("idle_in_transaction_session_timeout", idleInTransactionTimeout.milliseconds),
            ("default_transaction_isolation", "read committed"),
        ]
    }
}

extension Duration {
    fileprivate var milliseconds: String {
        String(milliseconds())
    }
}
