import SmartConnectorWire

/// What a request says of the state that it is about: `*`, or a list of entity tags.
///
/// Source: RFC 9110, sections 8.8.3 and 13.1.
struct EntityTags {
    private struct Tag {
        let text: String
        let isWeak: Bool
    }

    private var tags: [Tag] = []
    /// Whether any state is meant, so long as there is one.
    private(set) var isAny = false

    /// The condition that a request has in its fields of that name, or nil where it has none.
    ///
    /// - Throws: ``APIError`` with status 400 where the value is unreadable: a condition that nobody understands must not
    ///   count as none.
    init?(_ name: String, of request: HTTPRequest) throws(APIError) {
        let values = request.headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
        guard !values.isEmpty else { return nil }
        let text = values.joined(separator: ",")
        if text == "*" {
            isAny = true
            return
        }
        var rest = Substring(text)
        while true {
            rest = rest.drop { $0 == "," || $0 == " " || $0 == "\t" }
            if rest.isEmpty { break }
            guard let tag = Self.next(&rest) else {
                throw APIError(
                    APIError.Code(rawValue: "bad_request"), "\(name) is neither * nor a list of entity tags in quotes",
                    status: 400)
            }
            tags.append(tag)
        }
    }

    private static func next(_ rest: inout Substring) -> Tag? {
        let isWeak = rest.hasPrefix("W/")
        if isWeak { rest = rest.dropFirst(2) }
        guard rest.first == "\"" else {
            // Without its quotes, as some clients send it: up to the next of the list.
            let tag = rest.prefix { $0 != "," && $0 != "\"" && $0 != " " && $0 != "\t" && $0 != "*" }
            rest = rest.dropFirst(tag.count)
            return tag.isEmpty || isWeak || !isAtEnd(rest) ? nil : Tag(text: String(tag), isWeak: false)
        }
        rest = rest.dropFirst()
        let tag = rest.prefix { $0 != "\"" }
        rest = rest.dropFirst(tag.count)
        guard rest.popFirst() == "\"", isAtEnd(rest) else { return nil }
        return Tag(text: String(tag), isWeak: isWeak)
    }

    /// Whether an element of a list ends here.
    private static func isAtEnd(_ rest: Substring) -> Bool {
        let next = rest.first { $0 != " " && $0 != "\t" }
        return next == nil || next == ","
    }

    /// Whether a state is one of those that are meant.
    ///
    /// - Parameter isStrong: Whether a weak tag counts for nothing: who writes has to know the very state.
    func match(_ revision: Revision?, isStrong: Bool) -> Bool {
        isAny
            || revision.map { revision in tags.contains { $0.text == revision.text && !(isStrong && $0.isWeak) } }
                ?? false
    }

    /// The one state that is meant, where it is known without a look at what is stored.
    var onlyRevision: Revision? { tags.count == 1 && !tags[0].isWeak ? Revision(tags[0].text) : nil }
}

extension LocalIntegrator {
    /// The revision that a write is for, so that the store refuses it where the document has another one by then.
    ///
    /// - Throws: ``APIError/Code/conflict``, a 412, where what is stored is not what the request means.
    func revision(for id: String, _ request: HTTPRequest) async throws -> Revision? {
        let meant = try EntityTags("If-Match", of: request)
        let notMeant = try EntityTags("If-None-Match", of: request)
        if notMeant == nil {
            guard let meant else { return nil }
            if let revision = meant.onlyRevision { return revision }
        }
        // What is not there is a 404, whatever the condition.
        let stored = try await store.get(id).revision
        if let meant, !meant.match(stored, isStrong: true) { throw APIError.conflict(id) }
        if let notMeant, notMeant.match(stored, isStrong: false) { throw APIError.conflict(id) }
        return meant?.isAny ?? false && notMeant == nil ? nil : stored
    }

    /// The answer to a reader who may have the document already.
    func read(_ id: String, _ request: HTTPRequest) async throws -> HTTPResponse {
        let meant = try EntityTags("If-Match", of: request)
        let known = try EntityTags("If-None-Match", of: request)
        let stored = try await store.get(id)
        if let meant, !meant.match(stored.revision, isStrong: true) { throw APIError.conflict(id) }
        let answer = HTTPResponse.stored(stored)
        guard let known, known.match(stored.revision, isStrong: false) else { return answer }
        return HTTPResponse(status: 304, headers: answer.headers.filter { $0.name == "ETag" })
    }
}
