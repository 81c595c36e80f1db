import Foundation
import SmartConnector

/// Stands in for NetSuite and BigCommerce: what exists there, in a small file.
actor OutsideWorld {
    enum System: String, CaseIterable {
        case netsuite, bigcommerce

        var title: String {
            switch self {
            case .netsuite: "NetSuite"
            case .bigcommerce: "BigCommerce"
            }
        }
    }

    private struct State: Codable {
        var configured: [String] = []
        var bundles: [String] = []
    }

    private let path: String

    init(path: String) {
        self.path = path
    }

    /// The world in `outside-world.json`, or in the file that `OUTSIDE_WORLD` names.
    static var ofThisProcess: OutsideWorld {
        OutsideWorld(path: ProcessInfo.processInfo.environment["OUTSIDE_WORLD"] ?? "outside-world.json")
    }

    // MARK: What the user does

    func configure(_ system: System) throws {
        try change { state in
            if !state.configured.contains(system.rawValue) { state.configured.append(system.rawValue) }
        }
    }

    func summary() throws -> String {
        let state = try read()
        func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: ", ") }
        return "connections: \(list(state.configured))\nbundles in NetSuite: \(list(state.bundles))"
    }

    func json() throws -> JSON { try JSON(encoding: read()) }

    // MARK: What the connector does

    func check(_ system: System) throws {
        guard try read().configured.contains(system.rawValue) else {
            throw FunctionFailure(
                code: "invalid_credentials",
                message:
                    "\(system.title) has no credentials yet; enter them: bigcommerce-netsuite configure \(system.rawValue)"
            )
        }
    }

    func forget(_ system: System) throws {
        try change { state in state.configured.removeAll { $0 == system.rawValue } }
    }

    func install(_ bundle: String) throws {
        try check(.netsuite)
        try change { state in
            if !state.bundles.contains(bundle) { state.bundles.append(bundle) }
        }
    }

    func uninstall(_ bundle: String) throws {
        try change { state in state.bundles.removeAll { $0 == bundle } }
    }

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
