/// Which functions and versions a connector has: all that the machine needs to know of it.
public struct FunctionDirectory: Sendable, Equatable {
    /// The functions that are known to exist.
    public var functions: Set<ConnectorFunction>
    /// Whether functions that are not listed are taken to exist: step functions, settings, and an update to any
    /// version. So it is for a stack elsewhere that nobody can ask, for simulation, and for looking at a document.
    public var isOpen: Bool
    /// The functions for the connector as a whole of which nobody knows whether they exist. One that is listed in
    /// ``functions`` as well is known.
    public var unknown: Set<ConnectorFunction>
    /// The versions that an integration is brought to without any work.
    public var releases: Set<ConnectorVersion>

    /// A directory of the functions of one connector.
    ///
    /// - Parameters:
    ///   - functions: The functions that are known to exist.
    ///   - isOpen: Whether others are taken to exist.
    ///   - unknown: The functions for the connector as a whole of which nobody knows. If you do not say, that is all of
    ///     them in an open directory, and none in a closed one.
    ///   - releases: The versions without an update function.
    public init(
        functions: Set<ConnectorFunction>, isOpen: Bool = false, unknown: Set<ConnectorFunction>? = nil,
        releases: Set<ConnectorVersion> = []
    ) {
        self.functions = functions
        self.isOpen = isOpen
        self.unknown = unknown ?? (isOpen ? ConnectorFunction.ofConnector : [])
        self.releases = releases
    }

    /// Every function that a document may name; of the connector as a whole nothing is known.
    public static let open = FunctionDirectory(functions: [], isOpen: true)

    /// Whether the connector has a function, or is taken to have it. Functions for the connector as a whole, hooks,
    /// wrappers, utilities and what is in no group are never taken to exist, only listed.
    public func contains(_ function: ConnectorFunction) -> Bool {
        if functions.contains(function) { return true }
        switch function {
        case .installer, .uninstaller, .update, .setting: return isOpen
        case .connectorInstaller, .preUninstall, .connectorUninstaller, .hook, .wrapper, .utility, .untyped:
            return false
        }
    }

    /// Whether nobody knows if the connector has a function, one for the connector as a whole.
    public func isUnknown(_ function: ConnectorFunction) -> Bool {
        unknown.contains(function) && !functions.contains(function)
    }

    // MARK: Versions

    /// The versions that the connector is known to have: those with an update function and those without work, the
    /// oldest first. An open directory may have any other as well.
    public var versions: [ConnectorVersion] {
        var versions = releases
        for case .update(let version) in functions { versions.insert(version) }
        return versions.sorted()
    }

    /// The versions whose update functions lie on the way from one version, exclusive, to another, inclusive, oldest
    /// first. With nothing installed (nil), all up to the target.
    public func updates(after installed: ConnectorVersion?, through target: ConnectorVersion) -> [ConnectorVersion] {
        var versions: Set<ConnectorVersion> = isOpen && !releases.contains(target) ? [target] : []
        for case .update(let version) in functions { versions.insert(version) }
        if let installed { versions = versions.filter { $0 > installed } }
        return versions.filter { $0 <= target }.sorted()
    }

    /// The known versions about a version, in words.
    func neighbours(of version: ConnectorVersion) -> String {
        let (known, count) = (versions, 5)
        guard !known.isEmpty else { return "it knows none" }
        let newer = known.firstIndex { $0 > version } ?? known.endIndex
        let first = max(0, min(newer - count / 2, known.count - count))
        let shown = known.dropFirst(first).prefix(count)
        let list = shown.map(\.description).joined(separator: ", ")
        return shown.count == known.count ? "it knows \(list)" : "it knows \(known.count) versions, among them \(list)"
    }
}
