import Foundation

/// What is outside of the store: the other system, and what is written down about a run. It outlives every process.
struct World: Sendable {
    enum File: String {
        /// Each call of a function, when it began: its function and its idempotency key.
        case calls
        /// What was done in the other system: an idempotency key, `+` or `-`, and an object.
        case effects
        /// The keys of the calls of which the journal has answered that their return is written down.
        case returns
        /// The persistence points of a run that nothing disturbed.
        case points
        /// The point at which a process died.
        case deaths
        /// Why a process did not reach its end.
        case errors
    }

    let folder: String

    init(folder: String) throws {
        self.folder = folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func path(_ file: File) -> String { "\(folder)/\(file.rawValue)" }

    /// Adds a line; it is on the disk when this returns.
    func append(_ line: String, to file: File) {
        let descriptor = open(path(file), O_WRONLY | O_CREAT | O_APPEND, 0o644)
        let bytes = Array((line + "\n").utf8)
        guard descriptor >= 0, write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
            fatalError("\(path(file)) cannot be written: errno \(errno)")
        }
        close(descriptor)
    }

    func lines(of file: File) -> [String] {
        let text = (try? String(contentsOfFile: path(file), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    // MARK: Calls

    struct Call: Equatable {
        let function: String
        let key: String
    }

    var calls: [Call] {
        lines(of: .calls).map { line in
            let parts = line.split(separator: " ")
            return Call(function: parts.dropLast().joined(separator: " "), key: String(parts.last ?? ""))
        }
    }

    // MARK: The other system

    /// Makes an object, unless a request with this key has made it already.
    func make(_ object: String, key: String) { append("\(key) + \(object)", to: .effects) }

    /// Removes an object, where there is one.
    func remove(_ object: String, key: String) { append("\(key) - \(object)", to: .effects) }

    /// What there is in the other system, in order.
    var objects: [String] {
        var objects: [String: Set<String>] = [:]
        for line in lines(of: .effects) {
            let parts = line.split(separator: " ", maxSplits: 2).map(String.init)
            if parts[1] == "+" { objects[parts[2], default: []].insert(parts[0]) } else { objects[parts[2]] = nil }
        }
        return objects.flatMap { object, keys in [String](repeating: object, count: keys.count) }.sorted()
    }
}
