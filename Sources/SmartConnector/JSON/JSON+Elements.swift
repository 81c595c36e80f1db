extension JSON {
    /// The elements of an array, in order.
    ///
    /// Many stand in runs. Arrays that were made from one another share the runs that are the same: changing an element
    /// copies its run alone, and what they share is not looked at when they are compared.
    struct Elements: Sendable {
        private static let runLength = 32

        /// The first of them: all, unless there are more than a run has.
        private var head: [JSON]
        /// The others, each run full but the last, none empty.
        private var runs: [[JSON]] = []

        init(_ elements: [JSON]) {
            guard elements.count > Self.runLength else {
                head = elements
                return
            }
            head = Array(elements[..<Self.runLength])
            runs = stride(from: Self.runLength, to: elements.count, by: Self.runLength).map {
                Array(elements[$0...].prefix(Self.runLength))
            }
        }

        /// All of them in one array.
        var all: [JSON] { runs.isEmpty ? head : head + runs.joined() }

        mutating func append(_ element: JSON) {
            if head.count < Self.runLength {
                head.append(element)
            } else if let last = runs.last, last.count < Self.runLength {
                runs[runs.count - 1].append(element)
            } else {
                runs.append([element])
            }
        }

        /// The same elements but one. For what is shared: what nobody else has is changed in place.
        func replacing(_ index: Int, with element: JSON) -> Elements {
            var new = self
            if index < Self.runLength {
                new.head = head.replacing(index, with: element)
            } else {
                let run = index / Self.runLength - 1
                new.runs[run] = runs[run].replacing(index % Self.runLength, with: element)
            }
            return new
        }

        /// Removes an element. Those behind it move up.
        mutating func remove(at index: Int) {
            var all = all
            all.remove(at: index)
            self = Elements(all)
        }

        /// Whether both are one array in memory. False says nothing.
        func isIdentical(to other: Elements) -> Bool {
            JSON.areIdentical(head, other.head) && JSON.areIdentical(runs, other.runs)
        }

        /// The indices at which there may be something else than in another array. What both share in memory is left out,
        /// what the other does not have is not.
        func indices(differingFrom other: Elements) -> [Range<Int>] {
            var ranges: [Range<Int>] = []
            if !JSON.areIdentical(head, other.head) { ranges.append(head.indices) }
            for (number, run) in runs.enumerated() {
                if number < other.runs.count, JSON.areIdentical(run, other.runs[number]) { continue }
                let start = (number + 1) * Self.runLength
                ranges.append(start..<start + run.count)
            }
            return ranges
        }

        /// Whether something is so at each index where this and another array of as many elements may differ.
        func allDifferent(from other: Elements, _ isSo: (Int) -> Bool) -> Bool {
            precondition(count == other.count, "an element is compared with an element")
            if !JSON.areIdentical(head, other.head), !JSON.allDifferent(head, other.head, isSo) { return false }
            return runs.indices.allSatisfy { number in
                if JSON.areIdentical(runs[number], other.runs[number]) { return true }
                let start = (number + 1) * Self.runLength
                return JSON.allDifferent(runs[number], other.runs[number]) { isSo(start + $0) }
            }
        }
    }
}

extension [JSON] {
    /// The same values but one. Put together at once: an array that copies itself before it is changed takes longer.
    func replacing(_ index: Int, with value: JSON) -> [JSON] {
        precondition(indices.contains(index), "only what is there has something in its place")
        return indices.map { $0 == index ? value : self[$0] }
    }
}

extension JSON.Elements: RandomAccessCollection, MutableCollection {
    var startIndex: Int { 0 }

    var endIndex: Int {
        guard let last = runs.last else { return head.count }
        return runs.count * Self.runLength + last.count
    }

    subscript(index: Int) -> JSON {
        get { index < Self.runLength ? head[index] : runs[index / Self.runLength - 1][index % Self.runLength] }
        _modify {
            if index < Self.runLength {
                yield &head[index]
            } else {
                yield &runs[index / Self.runLength - 1][index % Self.runLength]
            }
        }
    }
}
