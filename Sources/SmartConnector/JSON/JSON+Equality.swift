extension JSON: Equatable {
    /// Whether both are the same document: the same members in the same order, numbers written alike.
    ///
    /// How a string is escaped makes no difference. See ``isEquivalent(to:)`` for the same meaning.
    public static func == (left: JSON, right: JSON) -> Bool {
        left.isEqual(to: right, ignoringOrder: false)
    }

    /// Whether both mean the same: members in any order, numbers of the same value (`1.0` and `1`).
    ///
    /// This is how a server's answer is held against what was sent: servers reorder and reformat.
    public func isEquivalent(to other: JSON) -> Bool {
        isEqual(to: other, ignoringOrder: true)
    }

    fileprivate func isEqual(to other: JSON, ignoringOrder: Bool) -> Bool {
        if isIdentical(to: other) { return true }
        guard kind == other.kind else { return false }
        switch kind {
        case .null: return true
        case .bool: return bool == other.bool
        case .string: return other.string.map(isString) ?? false
        case .number:
            guard let left = number, let right = other.number else { return false }
            return ignoringOrder ? left.hasSameValue(as: right) : left == right
        case .array:
            guard let left = elements, let right = other.elements, left.count == right.count else { return false }
            return left.allDifferent(from: right) {
                left[$0].isEqual(to: right[$0], ignoringOrder: ignoringOrder)
            }
        case .object:
            guard let left = storedMembers, let right = other.storedMembers else { return false }
            return left.isEqual(to: right, ignoringOrder: ignoringOrder)
        }
    }

    /// Whether all members but one are the same values in memory. False says nothing.
    func hasIdenticalMembers(to other: JSON, except name: String) -> Bool {
        guard case .object(let left) = storage, case .object(let right) = other.storage,
            left.hasIdenticalNames(to: right)
        else { return false }
        return Self.allDifferent(left.values, right.values) { index in
            left[index].isIdentical(to: right[index]) || left.names[index].json.isString(name)
        }
    }

    /// Whether something is so at each index where two arrays of as many values may differ.
    static func allDifferent(_ left: [JSON], _ right: [JSON], _ isSo: (Int) -> Bool) -> Bool {
        precondition(left.count == right.count, "a value is compared with a value")
        return left.withUnsafeBytes { leftBytes in
            right.withUnsafeBytes { rightBytes in
                guard var left = leftBytes.baseAddress, var right = rightBytes.baseAddress else { return true }
                for index in 0..<leftBytes.count / MemoryLayout<JSON>.stride {
                    // Most are one value. To look at its bits copies no reference.
                    guard areSameBits(left, right) || isSo(index) else { return false }
                    left += MemoryLayout<JSON>.stride
                    right += MemoryLayout<JSON>.stride
                }
                return true
            }
        }
    }

    /// Whether two values in memory are the same bits. Never true for different values; false says nothing.
    private static func areSameBits(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer) -> Bool {
        func differ(at offset: Int) -> Bool {
            left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                != right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
        let size = MemoryLayout<JSON>.size
        precondition(size > 16 && size <= 24, "a value is a payload of 16 bytes and what tells the cases apart")
        // The last eight bytes begin within those before.
        return !differ(at: 0) && !differ(at: 8) && !differ(at: size - 8)
    }

    /// Whether both are one value in memory, or scalars that are the same at a glance. Never true for different values;
    /// false says nothing.
    func isIdentical(to other: JSON) -> Bool {
        switch (storage, other.storage) {
        case (.parsed(let left, let leftIndex), .parsed(let right, let rightIndex)):
            left === right && leftIndex == rightIndex
        case (.array(let left), .array(let right)): left.isIdentical(to: right)
        case (.object(let left), .object(let right)): left.isIdentical(to: right)
        case (.string(let left), .string(let right)): left.isExactly(right)
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.null, .null): true
        default: false
        }
    }

    /// Whether both are one array in memory.
    static func areIdentical<Element>(_ left: [Element], _ right: [Element]) -> Bool {
        left.count == right.count
            && left.withUnsafeBufferPointer { left in
                right.withUnsafeBufferPointer { right in left.baseAddress == right.baseAddress }
            }
    }
}

extension JSON.Members {
    fileprivate func isEqual(to other: JSON.Members, ignoringOrder: Bool) -> Bool {
        let hasSameNames =
            count == other.count
            && (hasIdenticalNames(to: other) || names.indices.allSatisfy { names[$0].isExactly(other.names[$0]) })
        if hasSameNames {
            /// The members that look-ups find, once there is a need to know.
            var found: [ExactText: Int]?
            // Each value is compared once: to begin anew where one differs would double the time with each level.
            for index in 0..<count where !values[index].isEqual(to: other[index], ignoringOrder: ignoringOrder) {
                guard ignoringOrder else { return false }
                let byName = found ?? indicesByName
                found = byName
                if byName[ExactText(names[index].text)] == index { return false }
            }
            return true
        }
        guard ignoringOrder else { return false }
        let (own, others) = (valuesByName, other.valuesByName)
        return own.count == others.count
            && own.allSatisfy { name, value in others[name]?.isEquivalent(to: value) ?? false }
    }
}
