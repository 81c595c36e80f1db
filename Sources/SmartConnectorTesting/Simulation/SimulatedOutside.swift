import SmartConnector

/// The other system: it does a request that it knows the key of only once.
final class SimulatedOutside {
    struct Thing {
        let kind: String
        let id: String
        let key: String
        var exists = true
        /// Whether whoever made it knows that it is recorded.
        var isNoted = false
        /// Whether one who had been given up had a hand in it, so that nobody can say what is recorded.
        var isMuddled = false
    }

    private(set) var things: [Thing] = []
    private(set) var migrations: [ConnectorVersion] = []

    /// Makes something, once for each key.
    func make(_ kind: String, key: String) -> String {
        if let made = things.first(where: { $0.key == key }) { return made.id }
        let id = "thing-\(things.count)"
        things.append(Thing(kind: kind, id: id, key: key))
        return id
    }

    func remove(_ id: String) {
        change(id) { $0.exists = false }
    }

    func change(_ id: String, _ body: (inout Thing) -> Void) {
        guard let index = things.firstIndex(where: { $0.id == id }) else { return }
        body(&things[index])
    }

    func things(of kind: String) -> [Thing] { things.filter { $0.kind == kind } }

    func migrate(to version: ConnectorVersion) {
        if !migrations.contains(version) { migrations.append(version) }
    }

    /// Whether a request with this key has been done, and all of it is recorded.
    func isDone(_ key: String) -> Bool { things.contains { $0.key == key && $0.isNoted } }
}
