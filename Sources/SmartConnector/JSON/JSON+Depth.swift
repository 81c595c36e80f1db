/// How deep documents are. A document travels and is kept inside of others: in a list, in an answer, in a page of the
/// journal. Whoever reads that has to get through the envelope too, so that what is stored stays below what is read.
extension JSON {
    /// How deep arrays and objects may be nested in a document, in what a function answers and in what is asked of one:
    /// ``maximumDepth`` with room for whatever they are put into. A store refuses what is deeper.
    public static let maximumDocumentDepth = maximumDepth - 32

    /// How deep a value of an integration's state may be: a page of the journal is one and has documents in it, and is
    /// put into nothing but a request.
    public static let maximumStateDepth = maximumDepth - 16

    /// How deep a text may be that comes out of a store. Earlier releases stored whatever they could parse, and put that
    /// into envelopes of their own; all of it is still read.
    public static let maximumStoredDepth = 2 * maximumDepth

    /// Parses what is stored, by this release or an earlier one.
    ///
    /// - Throws: ``ParseError`` as for any text, but for nesting that is no deeper than ``maximumStoredDepth``.
    public init(stored bytes: some Sequence<UInt8>) throws(ParseError) {
        try self.init(parsing: bytes, maximumDepth: Self.maximumStoredDepth)
    }

    /// Whether arrays and objects are nested more than `limit` deep. A scalar is 0 deep, `[]` is 1 deep.
    ///
    /// Of what was parsed it is known already; of what was put together since, only that is looked at, and no deeper than
    /// the limit.
    public func isNested(deeperThan limit: Int) -> Bool {
        switch storage {
        case .null, .bool, .number, .string: false
        case .array(let elements): limit <= 0 || elements.containsNested(deeperThan: limit - 1)
        case .object(let members): limit <= 0 || members.values.containsNested(deeperThan: limit - 1)
        case .parsed(let source, let index): source.depth > limit && source.isNested(index, deeperThan: limit)
        }
    }

    /// As ``isNested(deeperThan:)``, where another value is known not to be: what both share in memory is not looked at.
    package func isNested(deeperThan limit: Int, changing known: JSON) -> Bool {
        switch storage {
        case .null, .bool, .number, .string: return false
        case .parsed: return !isIdentical(to: known) && isNested(deeperThan: limit)
        case .array(let new):
            guard case .array(let old) = known.storage, new.count == old.count else { break }
            if new.isIdentical(to: old) { return false }
            return limit <= 0
                || !new.allDifferent(from: old) {
                    let element = new[$0]
                    return !element.mayBeNested || !element.isNested(deeperThan: limit - 1, changing: old[$0])
                }
        case .object(let new):
            guard case .object(let old) = known.storage, new.count == old.count else { break }
            if new.isIdentical(to: old) { return false }
            return limit <= 0
                || !JSON.allDifferent(new.values, old.values) {
                    let value = new.values[$0]
                    return !value.mayBeNested || !value.isNested(deeperThan: limit - 1, changing: old.values[$0])
                }
        }
        return isNested(deeperThan: limit)
    }

    /// What is to be said of a value that is nested too deeply, with the place where it is; nil where it is not.
    ///
    /// - Parameters:
    ///   - what: What the value is, such as `the document`.
    ///   - limit: How deep it may be.
    public func depthFault(of what: @autoclosure () -> String, limit: Int = maximumDocumentDepth) -> String? {
        guard isNested(deeperThan: limit) else { return nil }
        var (value, place, left) = (self, Path([]), limit)
        // Where it begins is what a person looks for; all of the way would fill the screen.
        while left > 0, place.components.count < 3, let (component, child) = value.child(nestedDeeperThan: left - 1) {
            place = place.appending(component)
            (value, left) = (child, left - 1)
        }
        let beginning = place.components.isEmpty ? "" : " at \(place)"
        return
            "\(what()) is nested too deeply\(beginning): more than \(limit) levels of arrays and objects cannot be stored"
    }

    private func child(nestedDeeperThan limit: Int) -> (component: String, value: JSON)? {
        if let elements {
            guard let index = elements.firstIndex(where: { $0.isNested(deeperThan: limit) }) else { return nil }
            return (String(index), elements[index])
        }
        guard let members = storedMembers,
            let index = members.values.firstIndex(where: { $0.isNested(deeperThan: limit) })
        else { return nil }
        return (members.names[index].text, members[index])
    }

    /// Whether this is nested no deeper than another value: what is stored and too deep by today's measure may still be
    /// changed, as long as that does not make it worse.
    package func isNestedNoDeeper(than other: JSON) -> Bool {
        guard !isNested(deeperThan: Self.maximumStoredDepth) else { return false }
        return (0..<Self.maximumStoredDepth).allSatisfy { limit in
            !isNested(deeperThan: limit) || other.isNested(deeperThan: limit)
        }
    }
}

extension Collection<JSON> {
    /// Whether any of these is nested more than `limit` deep.
    fileprivate func containsNested(deeperThan limit: Int) -> Bool {
        // Most are scalars, which are not worth a copy of what they refer to.
        indices.contains { self[$0].mayBeNested && self[$0].isNested(deeperThan: limit) }
    }
}

extension JSON {
    fileprivate var mayBeNested: Bool {
        switch storage {
        case .null, .bool, .number, .string: false
        case .array, .object, .parsed: true
        }
    }
}

extension JSONSource {
    /// Whether the value at a token is nested more than `limit` deep.
    func isNested(_ index: UInt32, deeperThan limit: Int) -> Bool {
        /// Where each container ends that is open, outermost first.
        var ends: [UInt32] = []
        for position in index..<tokens[Int(index)].next {
            while let end = ends.last, end <= position { ends.removeLast() }
            let token = tokens[Int(position)]
            guard token.kind == .array || token.kind == .object else { continue }
            guard ends.count < limit else { return true }
            ends.append(token.next)
        }
        return false
    }
}
