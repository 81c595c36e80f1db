import Foundation
import SmartConnector
import SmartConnectorServer
import SmartConnectorWire

/// What `serve` writes of each request: when, which, what came of it. No token is in it, however somebody has written it.
struct RequestLog: Sendable {
    let format: LogFormat
    /// The tokens that callers have to show.
    let tokens: [Secret]
    let write: @Sendable (String) -> Void

    /// How much is logged of a name that a caller has made up.
    private static let longestName = 200

    func log(_ entry: AccessLogEntry, at time: Date = Date()) {
        let note = entry.note ?? HTTPResponse.Note(id: Self.makeID())
        let shown = AccessLogEntry(
            method: text(entry.method), path: path(entry.path), status: entry.status, size: entry.size,
            duration: entry.duration, isComplete: entry.isComplete)
        let (function, code) = (note.function.map(text), note.code.map(text))
        let when = time.iso8601
        switch format {
        case .none: break
        case .text:
            var line = "\(when) \(note.id) \(shown.line)"
            if let function { line += " function=\(function.printable)" }
            if let code { line += " code=\(code.printable)" }
            write(line + "\n")
        case .json:
            var json: JSON = [
                "time": JSON(when), "level": JSON(Self.level(entry.status)), "event": "http", "id": JSON(note.id),
            ]
            for (name, value) in shown.json.members ?? [] { json[name] = value }
            json["function"] = .optional(function)
            json["code"] = .optional(code)
            write(json.printableText() + "\n")
        }
    }

    /// How much an answer is to be looked at: what callers do wrong is for them.
    private static func level(_ status: Int?) -> String {
        switch status ?? 0 {
        case 500...: "error"
        case 400...: "warning"
        default: "info"
        }
    }

    private func text(_ text: String) -> String {
        String(text.redacting(tokens).prefix(Self.longestName))
    }

    /// A path without what looks like a query: one that was encoded once too often is in the path.
    private func path(_ path: String) -> String {
        var decoded = path
        // Each round makes it shorter, and nobody encodes a path so often in good faith.
        for _ in 0..<8 {
            let next = decoded.percentDecoded
            if next == decoded { break }
            decoded = next
        }
        return text(String(decoded.prefix { $0 != "?" && $0 != "&" && $0 != ";" }))
    }

    /// An id for a request: no other has it.
    static func makeID() -> String {
        let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension String {
    /// Percent-decoded also where that is not UTF-8: something readable may stand beside it.
    fileprivate var percentDecoded: String {
        var (bytes, rest) = ([UInt8](), Array(utf8)[...])
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2,
                digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Notes for the log what a request was about, and tells who asked under which id it is there.
struct NotingResponder<Responder: HTTPResponder>: HTTPResponder {
    let responder: Responder

    /// A larger request is not read a second time for the name of its function.
    private static var longestRequest: Int { 1 << 20 }

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        noted(await responder.respond(to: request), request)
    }

    func refusal(of header: HTTPRequest) -> HTTPResponse? {
        responder.refusal(of: header).map { noted($0, header) }
    }

    private func noted(_ answer: HTTPResponse, _ request: HTTPRequest) -> HTTPResponse {
        var response = answer
        var note = HTTPResponse.Note(id: RequestLog.makeID())
        if request.path == "/function", response.status != 401, request.body.count <= Self.longestRequest {
            // What is no JSON names no function.
            note.function = (try? JSON(parsing: request.body))?["function"]?.string
        }
        if response.status >= 400 {
            note.code = (try? JSON(parsing: response.body))?["errors"]?[0]?["code"]?.string
        }
        response.note = note
        response.headers.append(HTTPRequest.Field("X-Request-Id", note.id))
        return response
    }
}
