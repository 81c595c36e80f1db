import Foundation
import SmartConnector

extension HTTPRequest {
    /// Why there is no call in a request: the status, and what is said.
    struct Unreadable: Error {
        var status: Int
        var failure: FunctionFailure
    }

    /// The body of a call as JSON: inflated where it is compressed, an empty object where there is none.
    ///
    /// - Parameter limit: How many bytes it may have as it was sent, and how many when it is inflated.
    func extensionCall(limit: Int) throws(Unreadable) -> JSON {
        guard body.count <= limit else { throw .tooLarge(limit) }
        if body.isEmpty { return [:] }
        guard let coding = ContentCoding(header("Content-Encoding")) else {
            throw Unreadable(
                status: 415,
                failure: FunctionFailure(
                    code: "unsupported_content_encoding",
                    message: "the request body is compressed in a way that is not known here; gzip and deflate are"))
        }
        var text: [UInt8]
        do {
            text = try body.inflated(coding, limit: limit)
        } catch {
            throw Unreadable(error, limit)
        }
        if text.isEmpty { return [:] }
        if let charset, charset.hasPrefix("utf-16") {
            guard let decoded = text.fromUTF16(isBigEndian: charset == "utf-16be") else {
                throw .malformed("not UTF-16")
            }
            text = decoded
        }
        do {
            // The mark at the beginning says what the encoding is and nothing more.
            return try JSON(parsing: text.starts(with: [0xEF, 0xBB, 0xBF]) ? text.dropFirst(3) : text[...])
        } catch {
            throw .malformed("\(error)")
        }
    }

    /// Whether it says how the body is compressed, known or not.
    var isCompressed: Bool { header("Content-Encoding") != nil }

    /// The encoding of the text, as `Content-Type` names it, in small letters.
    private var charset: String? {
        guard let type = header("Content-Type"), type.withUTF8Bytes({ $0.contains(UInt8(ascii: ";")) }) else {
            return nil
        }
        for parameter in type.split(separator: ";").dropFirst() {
            let parts = parameter.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, String(parts[0]).trimmingBlanks.asciiLowercased == "charset" else { continue }
            return String(parts[1]).trimmingBlanks.replacing("\"", with: "").asciiLowercased
        }
        return nil
    }

    /// The token in the query. Of several nobody knows which is meant, so that none is.
    var queriedToken: Secret? {
        let tokens = query.filter { $0.name == "access_token" }
        return tokens.count == 1 ? Secret(tokens[0].value) : tokens.isEmpty ? nil : Secret("")
    }
}

extension HTTPRequest.Unreadable {
    fileprivate init(_ error: InflateError, _ limit: Int) {
        switch error {
        case .tooLarge: self = .tooLarge(limit)
        case .malformed:
            self.init(
                status: 400,
                failure: FunctionFailure(
                    code: "malformed_body", message: "the request body is not compressed as Content-Encoding says"))
        }
    }

    static func tooLarge(_ limit: Int) -> Self {
        Self(
            status: 413,
            failure: FunctionFailure(
                code: "request_too_large", message: "the request body is larger than \(limit) bytes"))
    }

    static func malformed(_ reason: String) -> Self {
        Self(status: 400, failure: FunctionFailure(code: "malformed_json", message: "the request body is \(reason)"))
    }
}

extension [UInt8] {
    /// The text in UTF-8, where these bytes are UTF-16. A mark at the beginning says which byte comes first.
    fileprivate func fromUTF16(isBigEndian: Bool) -> [UInt8]? {
        guard count.isMultiple(of: 2) else { return nil }
        let hasMark = starts(with: [0xFE, 0xFF]) || starts(with: [0xFF, 0xFE])
        let isBigEndian = hasMark ? self[0] == 0xFE : isBigEndian
        let units = stride(from: hasMark ? 2 : 0, to: count, by: 2).map { index in
            let (first, second) = (UInt16(self[index]), UInt16(self[index + 1]))
            return isBigEndian ? first << 8 | second : second << 8 | first
        }
        return String(validating: units, as: UTF16.self).map { Array($0.utf8) }
    }
}

extension JSON? {
    /// The value of a member of a call, where it counts as given: absent, null, false, 0 and "" do not.
    ///
    /// Source: integrator.io's extension framework, in whose language these are all the same.
    var given: JSON? {
        guard let value = self else { return nil }
        let isGiven =
            switch value.kind {
            case .null: false
            case .bool: value.bool != false
            case .string: !value.isString("")
            case .number: value.number?.double.isZero != true
            case .array, .object: true
            }
        return isGiven ? value : nil
    }
}

/// How large an answer may be.
struct AnswerLimit {
    /// In the units of ``size(of:)``.
    let size: Double
    /// As it is told.
    let text: String

    /// The limit that a call asks for; where it asks for none, or for what is no number, the default.
    init(_ asked: JSON?) {
        let number = asked.given?.number ?? asked?.string.flatMap { JSON.Number($0.trimmingBlanks) }
        guard let number, !number.double.isZero else {
            size = Double(StackEndpoint.defaultMaximumResponseSize)
            text = String(StackEndpoint.defaultMaximumResponseSize)
            return
        }
        size = number.double
        text = number.int.map(String.init) ?? number.double.description
    }

    /// Whether an answer is within it: its length as the platform's stacks count it, in units of UTF-16. For what is all ASCII
    /// these are bytes.
    func allows(_ answer: [UInt8]) -> Bool {
        // A unit takes one byte at the least and three at the most.
        if Double(answer.count) <= size { return true }
        if Double(answer.count / 3) > size { return false }
        var units = 0
        for byte in answer where byte & 0xC0 != 0x80 { units += byte >= 0xF0 ? 2 : 1 }
        return Double(units) <= size
    }
}

extension ConnectorFunction.ExtensionType {
    /// The group of that name; the name of a group in a connector's own code, the plural, counts too.
    init?(group name: String) {
        guard let type = Self(rawValue: name) ?? Self.singulars[name] else { return nil }
        self = type
    }

    private static let singulars: [String: Self] = [
        "hooks": .hook, "wrappers": .wrapper, "installers": .installer, "uninstallers": .uninstaller,
        "settings": .setting, "utilities": .utility,
    ]
}
