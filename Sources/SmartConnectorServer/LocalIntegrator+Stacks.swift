import Foundation
import SmartConnectorWire
import Synchronization

/// The records of stacks, which say where integrator.io calls functions: kept for as long as this process serves.
///
/// Source: integrator.io's API, `/stacks`.
extension LocalIntegrator {
    /// The records by their ids.
    final class StackRecords: Sendable {
        private let records = Guarded<[String: JSON]>([:])

        var all: [JSON] { records.withLock { records in records.keys.sorted().compactMap { records[$0] } } }

        subscript(id: String) -> JSON? {
            get { records.withLock { $0[id] } }
            set { records.withLock { $0[id] = newValue } }
        }
    }

    /// Lists records, makes one, reads one, replaces one.
    func stack(_ id: String?, _ request: HTTPRequest) throws -> HTTPResponse {
        guard let id else {
            switch request.method {
            case "GET":
                return HTTPResponse(json: JSON(stackRecords.all))
            case "POST":
                let new = (0..<12).map { _ in String(format: "%02x", UInt8.random(in: .min ... .max)) }.joined()
                return HTTPResponse(status: 201, json: try write(request.object(), as: new))
            default: return .methodNotAllowed("GET, POST")
            }
        }
        guard let record = stackRecords[id] else {
            throw APIError(.notFound, "there is no stack \(id)", status: 404)
        }
        switch request.method {
        case "GET": return HTTPResponse(json: record)
        case "PUT": return HTTPResponse(json: try write(request.object(), as: id))
        default: return .methodNotAllowed("GET, PUT")
        }
    }

    private func write(_ record: JSON, as id: String) throws(APIError) -> JSON {
        if record["type"]?.string.isExactly("server") == true, record["server"]?["hostURI"]?.string == nil {
            throw APIError(.invalid, "server.hostURI is missing or no text", status: 422, field: "server.hostURI")
        }
        var record = record
        record["_id"] = JSON(id)
        stackRecords[id] = record
        return record
    }
}
