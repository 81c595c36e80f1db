/// Many edits as the tree that their paths make: each object on the way is looked into once, for all of them together.
/// One by one they would each search it from one end to the other.
struct EditTree {
    /// The edit that ends here, by its number.
    private(set) var edit: Int?
    /// What leads on, in the order in which it was first named.
    private(set) var branches: [(name: String, tree: EditTree)] = []
    private var indices: [ExactText: Int] = [:]

    private init() {}

    /// The tree of some edits; nil where one leads through the place of another, so that their order counts.
    ///
    /// - Parameter integration: What they are to be written into: of a step that is not there nothing is written.
    init?(_ edits: [Change.Edit], in integration: Integration) {
        let install = integration["install"]
        let steps = 0..<(install?.kind == .array ? install?.count ?? 0 : 0)
        for (number, edit) in edits.enumerated() {
            let path: [String]
            switch edit.field {
            case .member(let name): path = [name]
            case .step(let index, let name):
                guard steps.contains(index) else { continue }
                path = ["install", String(index), name]
            case .settings(let inner): path = ["settings"] + inner.components
            }
            guard insert(number, path[...]) else { return nil }
        }
    }

    private mutating func insert(_ number: Int, _ path: ArraySlice<String>) -> Bool {
        guard edit == nil else { return false }
        guard let first = path.first else {
            guard branches.isEmpty else { return false }
            edit = number
            return true
        }
        let index = indices[ExactText(first)] ?? branches.count
        if index == branches.count {
            indices[ExactText(first)] = index
            branches.append((first, EditTree()))
        }
        return branches[index].tree.insert(number, path.dropFirst())
    }

    /// What stands where each edit is to be written, by the numbers of the edits.
    func values(in integration: Integration, count: Int) -> [JSON?] {
        var values = [JSON?](repeating: nil, count: count)
        collect(from: integration.json, into: &values)
        return values
    }

    private func collect(from json: JSON, into values: inout [JSON?]) {
        if let edit { values[edit] = json }
        if branches.isEmpty { return }
        let elements = json.elements
        let member = elements == nil ? json.lookingUp(branches.count) : { _ in nil }
        for (name, tree) in branches {
            let child =
                if let elements { Int(name).flatMap { elements.indices.contains($0) ? elements[$0] : nil } } else {
                    member(name)
                }
            if let child { tree.collect(from: child, into: &values) }
        }
    }
}

extension JSON {
    /// Writes all edits of a tree, and makes the objects that are missing on the way.
    ///
    /// - Parameter value: What an edit writes, by its number; nil removes the member.
    /// - Returns: Whether that changed anything.
    mutating func write(_ tree: EditTree, _ value: (Int) -> JSON?) -> Bool {
        if let edit = tree.edit {
            guard let new = value(edit), self != new else { return false }
            self = new
            return true
        }
        var isChanged = false
        if kind == .array {
            changeElements { elements in
                for (name, branch) in tree.branches {
                    guard let index = Int(name), elements.indices.contains(index) else { continue }
                    if elements[index].write(branch, value) { isChanged = true }
                }
            }
        } else if kind == .object || isNull {
            let wasNull = isNull
            changeMembers { isChanged = $0.write(tree, value) }
            if wasNull, !isChanged { self = .null }
        }
        return isChanged
    }
}

extension JSON.Members {
    fileprivate mutating func write(_ tree: EditTree, _ value: (Int) -> JSON?) -> Bool {
        var isChanged = false
        var removed: [String] = []
        let byName = tree.branches.count > 8 ? indicesByName : nil
        for (name, branch) in tree.branches {
            let isRemoval = branch.edit.map { value($0) == nil } ?? false
            let found = if let byName { byName[ExactText(name)] } else { lastIndex(of: name) }
            if let found {
                if isRemoval {
                    removed.append(name)
                } else {
                    var old = take(found)
                    if old.write(branch, value) { isChanged = true }
                    self[found] = old
                }
            } else if !isRemoval {
                var new = JSON.null
                // What has nothing but removals in it is not made for them.
                guard new.write(branch, value) || branch.edit != nil else { continue }
                append(name, new)
                isChanged = true
            }
        }
        for name in removed { removeAll(named: name) }
        return isChanged || !removed.isEmpty
    }
}
