extension JSON {
    /// The value of a member; the last one where the name is repeated. Nil for anything but an object.
    ///
    /// Assigning changes that member in place, adds it at the end where there is none, and removes every member of
    /// that name on nil. Assigning to a value that is no object does nothing, except that a member assigned to
    /// `null` makes an object of it.
    public subscript(name: String) -> JSON? {
        get {
            switch storage {
            case .object(let members):
                members.lastIndex(of: name).map { members.values[$0] }
            case .parsed(let source, let index) where source.tokens[Int(index)].kind == .object:
                if let member = name.withUTF8Bytes({ source.member(of: index, named: $0) }) {
                    source.value(at: member)
                } else {
                    nil
                }
            default: nil
            }
        }
        _modify {
            var members = takeMembers() ?? Members()
            let isObject = isNull  // takeMembers left null behind, or this was null
            let index = members.lastIndex(of: name)
            var value = index.map { members.take($0) }
            yield &value
            guard isObject else { return }
            switch (index, value) {
            case (let index?, let value?): members[index] = value
            case (nil, let value?): members.append(name, value)
            case (.some, nil): members.removeAll(named: name)
            case (nil, nil): break
            }
            storage = .object(members)
        }
    }

    /// An element of an array. Nil for anything but an array, and beyond its ends.
    ///
    /// Assigning replaces that element, or removes it on nil; beyond the ends it does nothing.
    public subscript(index: Int) -> JSON? {
        get {
            switch storage {
            case .array(let elements):
                elements.indices.contains(index) ? elements[index] : nil
            case .parsed(let source, let token) where source.tokens[Int(token)].kind == .array:
                index < 0 ? nil : source.children(of: token).dropFirst(index).first { _ in true }.map(source.value(at:))
            default: nil
            }
        }
        _modify {
            guard kind == .array, var elements = takeElements() else {
                var nothing: JSON?
                yield &nothing
                return
            }
            guard elements.indices.contains(index) else {
                storage = .array(elements)
                var nothing: JSON?
                yield &nothing
                return
            }
            var value: JSON? = elements[index]
            elements[index] = .null
            yield &value
            if let value { elements[index] = value } else { elements.remove(at: index) }
            storage = .array(elements)
        }
    }

    /// Appends an element to an array; makes a one-element array of `null`. Does nothing to any other kind.
    public mutating func append(_ element: JSON) {
        if isNull { storage = .array(Elements([])) }
        guard kind == .array, var elements = takeElements() else { return }
        elements.append(element)
        storage = .array(elements)
    }

    /// Sets a member of an object, or of `null`, which becomes one.
    ///
    /// - Parameter isFirst: Whether a member that is new comes first, and not last.
    /// - Returns: Whether that changed anything.
    @discardableResult
    mutating func set(_ name: String, _ value: JSON, isFirst: Bool = false) -> Bool {
        guard kind == .object || isNull else { return false }
        var members = takeMembers() ?? Members()
        defer { storage = .object(members) }
        guard let index = members.lastIndex(of: name) else {
            if isFirst { members.prepend(name, value) } else { members.append(name, value) }
            return true
        }
        guard members.values[index] != value else { return false }
        members[index] = value
        return true
    }

    /// The same object with another value of a member; the last one where the name is repeated.
    ///
    /// - Returns: Nil where there is no such member, or it has that value already; and for an object that is as it was
    ///   parsed.
    func replacing(_ name: String, with value: JSON) -> JSON? {
        guard case .object(let members) = storage, let index = members.lastIndex(of: name),
            members.values[index] != value
        else { return nil }
        return JSON(.object(members.replacing(index, with: value)))
    }

    /// The same object with another value of a member of an element of an array that it has.
    ///
    /// - Returns: Nil where there is no such array or no such member, or it has that value already; and where one of them
    ///   is as it was parsed.
    func replacing(_ array: String, _ index: Int, _ name: String, with value: JSON) -> JSON? {
        guard case .object(let members) = storage, let position = members.lastIndex(of: array),
            case .array(let elements) = members.values[position].storage, elements.indices.contains(index),
            let element = elements[index].replacing(name, with: value)
        else { return nil }
        return JSON(
            .object(members.replacing(position, with: JSON(.array(elements.replacing(index, with: element))))))
    }

    /// Changes the members of an object, or of `null`, which becomes one, without a copy of what is not shared.
    mutating func changeMembers(_ body: (inout Members) -> Void) {
        var members = takeMembers() ?? Members()
        body(&members)
        storage = .object(members)
    }

    /// Changes the elements of an array in place. Nothing happens to any other kind.
    mutating func changeElements(_ body: (inout Elements) -> Void) {
        guard kind == .array, var elements = takeElements() else { return }
        body(&elements)
        storage = .array(elements)
    }

    /// Takes the members out, leaving `null`, so that changing them copies nothing that is not shared.
    private mutating func takeMembers() -> Members? {
        guard kind == .object else { return nil }
        var taken = JSON.null
        swap(&taken, &self)
        if case .object(let members) = taken.storage { return members }
        return taken.storedMembers
    }

    /// Takes the elements out, leaving `null`.
    private mutating func takeElements() -> Elements? {
        var taken = JSON.null
        swap(&taken, &self)
        return taken.elements
    }

    /// Whether this is a string of exactly these UTF-8 bytes. (Swift's `==` also takes canonical equivalents.)
    package func isString(_ other: String) -> Bool {
        switch storage {
        case .string(let string): string.isExactly(other)
        case .parsed(let source, let index) where source.tokens[Int(index)].kind == .string:
            other.withUTF8Bytes { source.string(at: index, equals: $0) }
        default: false
        }
    }
}
