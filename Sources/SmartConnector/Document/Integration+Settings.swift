extension Integration {
    /// Puts values at places in `settings`, of two for one place the later, and makes the objects that are missing on the
    /// way. However many they are, each object is looked into once.
    ///
    /// - Throws: ``JSON/PathError`` where there is no such place, or two are meant for places one of which is within the
    ///   other. Nothing is changed then.
    package mutating func setSettings(
        _ values: [(path: JSON.Path, value: JSON)]
    ) throws(JSON.PathError) {
        var change = Change()
        for (path, value) in values {
            // What is too deep is told before it is made.
            var place: JSON = [:]
            do {
                try place.set(value, at: path)
            } catch {
                throw JSON.PathError("\(path): \(error)")
            }
            change.set(.settings(path), value)
        }
        guard EditTree(change.edits, in: self) != nil else {
            throw JSON.PathError("all of these: one leads through the place of another")
        }
        var changed = self
        change.apply(to: &changed)
        if let field = change.fieldsIgnored(in: changed).first, case .settings(let path) = field {
            var settings = self.settings ?? [:]
            do {
                try settings.set(.null, at: path)
            } catch {
                throw JSON.PathError("\(path): \(error)")
            }
            throw JSON.PathError("\(path)")
        }
        self = changed
    }
}
