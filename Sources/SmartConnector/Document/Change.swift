/// The fields that one transition is about, to be written into a document that was read a moment ago.
///
/// Nothing else in that document is touched, so whatever others have edited in it survives.
public struct Change: Sendable, Equatable {
    /// One field of the document.
    ///
    /// Names are equal when they are the same scalars.
    public enum Field: Sendable, Hashable, CustomStringConvertible {
        /// A member of the document itself, by its name.
        case member(String)
        /// A member of a step: the step's index in `install[]`, counted from 0, and the member's name.
        case step(Int, String)
        /// A value within `settings`, by the path that leads to it from there.
        case settings(JSON.Path)

        /// The field as a path, such as `install[2].completed`.
        public var description: String {
            switch self {
            case .member(let name): name
            case .step(let index, let name): "install[\(index)].\(name)"
            case .settings(let path): path.components.isEmpty ? "settings" : "settings.\(path)"
            }
        }

        /// Whether both are one field.
        public static func == (left: Field, right: Field) -> Bool {
            switch (left, right) {
            case (.member(let left), .member(let right)): left.isExactly(right)
            case (.step(let leftIndex, let left), .step(let rightIndex, let right)):
                leftIndex == rightIndex && left.isExactly(right)
            case (.settings(let left), .settings(let right)): left == right
            case (.member, _), (.step, _), (.settings, _): false
            }
        }

        /// Hashes what `==` compares.
        public func hash(into hasher: inout Hasher) {
            switch self {
            case .member(let name): hasher.combine(ExactText(name))
            case .step(let index, let name):
                hasher.combine(index)
                hasher.combine(ExactText(name))
            case .settings(let path): hasher.combine(path)
            }
        }
    }

    /// A field and the value that it is to have.
    public struct Edit: Sendable, Equatable {
        /// Where the value goes.
        public var field: Field
        /// What is written there; `null` is written as `null`. Nil removes the member.
        public var value: JSON?
    }

    /// The edits, each of a field of its own.
    public private(set) var edits: [Edit] = []
    /// Where the edit of a field stands, once there are so many that to look through them would take long.
    private var indices: [Field: Int]?
    private static let fewEdits = 16

    /// A change without edits, which leaves a document as it is.
    public init() {}

    /// Whether there is nothing to write.
    public var isEmpty: Bool { edits.isEmpty }

    /// Whether it is about the version.
    var changesVersion: Bool { edits.contains { $0.field == .member("version") } }

    /// Whether both write the same, in the same order.
    public static func == (left: Change, right: Change) -> Bool { left.edits == right.edits }

    mutating func set(_ field: Field, _ value: JSON?) {
        // Nearly every change is one edit.
        if edits.isEmpty { edits = [Edit(field: field, value: value)] } else { add(Edit(field: field, value: value)) }
    }

    private mutating func add(_ edit: Edit) {
        if let index = index(of: edit.field) {
            edits[index] = edit
        } else {
            if edits.count >= Self.fewEdits { indices?[edit.field] = edits.count }
            edits.append(edit)
        }
    }

    private mutating func index(of field: Field) -> Int? {
        guard edits.count >= Self.fewEdits else { return edits.firstIndex { $0.field == field } }
        if indices == nil {
            indices = Dictionary(uniqueKeysWithValues: edits.enumerated().map { ($1.field, $0) })
        }
        return indices?[field]
    }

    mutating func set(_ mode: Mode) { set(.member("mode"), JSON(mode.rawValue)) }

    /// Writes the edits into a document.
    ///
    /// - Returns: Whether any of them changed it.
    @discardableResult
    public func apply(to integration: inout Integration) -> Bool {
        if edits.count > Self.fewEdits, let tree = EditTree(edits, in: integration) {
            return integration.write(tree, edits)
        }
        var isChanged = false
        for edit in edits where integration.write(edit) { isChanged = true }
        return isChanged
    }

    /// The fields that do not have the value they were given in the document that a server answered with, in the order
    /// of the edits. Values are compared by meaning (``JSON/isEquivalent(to:)``), and a member that is not there is as
    /// good as `null`.
    public func fieldsIgnored(in answer: Integration) -> [Field] {
        var found: [JSON?]?
        if edits.count > Self.fewEdits { found = EditTree(edits, in: answer)?.values(in: answer, count: edits.count) }
        return edits.enumerated().compactMap { index, edit in
            let value = if let found { found[index] } else { answer[edit.field] }
            let wanted = edit.value ?? .null
            let isKept = value?.isEquivalent(to: wanted) ?? wanted.isNull
            return isKept ? nil : edit.field
        }
    }
}

extension Integration {
    fileprivate subscript(field: Change.Field) -> JSON? {
        switch field {
        case .member(let name): self[name]
        case .step(let index, let name): self["install"]?[index]?[name]
        case .settings(let path): self["settings"]?[path: path]
        }
    }

    /// Gives a field its value and says whether that changed anything. A step that is not there is not made.
    fileprivate mutating func write(_ edit: Change.Edit) -> Bool {
        guard let value = edit.value else { return remove(edit.field) }
        switch edit.field {
        case .member(let name): return json.set(name, value)
        case .step(let index, let name):
            // What is there already, in a document that somebody else has too, is what nearly every change is about.
            if let changed = json.replacing("install", index, name, with: value) {
                json = changed
                return true
            }
            return json["install"]?[index]?.set(name, value) ?? false
        case .settings(let path):
            guard self[edit.field] != value else { return false }
            var settings = self.settings ?? .null
            settings[path: path] = value
            self.settings = settings
            return true
        }
    }

    /// Removes a field and says whether it was there.
    private mutating func remove(_ field: Change.Field) -> Bool {
        guard self[field] != nil else { return false }
        switch field {
        case .member(let name): self[name] = nil
        case .step(let index, let name): json["install"]?[index]?[name] = nil
        case .settings(let path): settings?[path: path] = nil
        }
        return true
    }

    fileprivate mutating func write(_ tree: EditTree, _ edits: [Change.Edit]) -> Bool {
        json.write(tree) { edits[$0].value }
    }
}
