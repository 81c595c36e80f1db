import Foundation
import SmartConnector

/// Stands in for the shops and the ledger: what exists there, in a small file.
actor ShopWorld {
    private struct State: Codable {
        var company: String?
        var region: String?
        var allowed: [String] = []
        /// Each package with the key of the call that made it.
        var packages: [String: String] = [:]
    }

    private let path: String

    init(path: String) {
        self.path = path
    }

    /// The world in `shop-world.json`, or in the file that `SHOP_WORLD` names.
    static var ofThisProcess: ShopWorld {
        ShopWorld(path: ProcessInfo.processInfo.environment["SHOP_WORLD"] ?? "shop-world.json")
    }

    // MARK: What the user does

    /// Allows the app something, as in the shop's own window.
    func allow(_ scope: String) throws {
        try change { state in if !state.allowed.contains(scope) { state.allowed.append(scope) } }
    }

    func json() throws -> JSON { try JSON(encoding: read()) }

    func summary() throws -> String {
        let state = try read()
        func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.sorted().joined(separator: ", ") }
        let company = state.company.map { "\($0) (\(state.region ?? "eu"))" } ?? "none"
        return "company: \(company)\nallowed: \(list(state.allowed))\npackages: \(list(Array(state.packages.keys)))"
    }

    // MARK: What the connector does

    func link(_ company: String, region: String) throws {
        try change { state in (state.company, state.region) = (company, region) }
    }

    /// - Returns: The company that was linked; nil where none was.
    func unlink() throws -> String? {
        let company = try read().company
        try change { state in (state.company, state.region) = (nil, nil) }
        return company
    }

    func allows(_ scope: String) throws -> Bool { try read().allowed.contains(scope) }

    func revoke() throws { try change { $0.allowed = [] } }

    func packages() throws -> [String] { try read().packages.keys.sorted() }

    func install(_ package: String, _ key: String) throws {
        try change { state in if state.packages[package] == nil { state.packages[package] = key } }
    }

    func remove(_ package: String) throws { try change { $0.packages[package] = nil } }

    // MARK: The file

    private func read() throws -> State {
        guard let data = FileManager.default.contents(atPath: path) else { return State() }
        return try JSON(parsing: data).decode()
    }

    private func change(_ body: (inout State) -> Void) throws {
        var state = try read()
        body(&state)
        try Data(JSON(encoding: state).utf8(.pretty)).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}
