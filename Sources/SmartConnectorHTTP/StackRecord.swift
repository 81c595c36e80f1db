public import SmartConnector
import SmartConnectorWire

/// The record of a stack at integrator.io: where it calls functions, and with which token.
///
/// Source: `GET /stacks/{_id}` of integrator.io.
public struct StackRecord: Sendable, Equatable {
    /// All of it, as it is stored: a PUT replaces all.
    public private(set) var json: JSON

    /// A record as integrator.io answers it.
    ///
    /// - Throws: `APIError` where it is no object.
    public init(_ json: JSON) throws(APIError) {
        guard json.kind == .object else { throw APIError(.invalid, "a stack's record is an object") }
        self.json = json
    }

    /// Its `_id`. Nil in one that is not stored.
    public var id: String? { json["_id"]?.string }
    /// What it is called. Nil where it does not say.
    public var name: String? { json["name"]?.string }
    /// Where functions are called: `server.hostURI`. Nil where it is none of a server, such as one on AWS Lambda.
    public var hostURI: String? {
        get { json["server"]?["hostURI"]?.string }
        set { set("hostURI", newValue) }
    }

    /// What is shown there: `server.systemToken`. Nil where the platform does not tell.
    public var systemToken: Secret? {
        get {
            guard let text = json["server"]?["systemToken"]?.string, text.contains(where: { $0 != "*" }) else {
                return nil
            }
            return Secret(text)
        }
        set { set("systemToken", newValue?.value) }
    }

    private mutating func set(_ name: String, _ value: String?) {
        var server = json["server"] ?? [:]
        server[name] = value.map { JSON($0) }
        json["server"] = server
    }
}

// Records of stacks.
extension IntegratorClient {
    /// All records: `GET /stacks`.
    public func stackRecords() async throws -> [StackRecord] {
        let url = try baseURL.adding("stacks")
        let response = try await send("GET", url)
        if response.status == 204 { return [] }
        guard let rows = try json(response, url).array else {
            throw malformed(url, "answered a list with something that is no array")
        }
        return try rows.map { try StackRecord($0) }
    }

    /// One record: `GET /stacks/{_id}`.
    public func stackRecord(_ id: String) async throws -> StackRecord {
        let url = try baseURL.adding("stacks", id)
        return try StackRecord(json(try await send("GET", url), url))
    }

    /// Replaces a record: `PUT /stacks/{_id}`, and reads it again.
    ///
    /// - Returns: The record as it is stored now.
    /// - Throws: `APIError` with `APIError.Code.notRecorded` where the address is not what was sent, or the token where it
    ///   can be read.
    public func updateStackRecord(_ id: String, to record: StackRecord) async throws -> StackRecord {
        _ = try await send("PUT", try baseURL.adding("stacks", id), record.json)
        let stored = try await stackRecord(id)
        guard stored.hostURI.isExactly(record.hostURI ?? ""),
            stored.systemToken == nil || record.systemToken == nil || stored.systemToken == record.systemToken
        else {
            throw APIError(
                .notRecorded, "the platform answered that it stored the record of stack \(id), and it is as it was")
        }
        return stored
    }
}
