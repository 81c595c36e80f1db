/// A view of an integration document: one installed copy of a connector in a user's account, or an integration that
/// the user built (DIY).
///
/// Reading looks into the JSON; setting a property changes that member and nothing else, so that a document can be
/// sent back whole (PUT replaces all) without losing what this library does not know.
///
/// Source of the members: integrator.io's Integration API.
public struct Integration: Sendable, Equatable {
    /// The document, an object.
    public internal(set) var json: JSON

    /// A view of a document.
    ///
    /// - Throws: ``SmartConnectorError/Code/malformedDocument`` where `json` is no object.
    public init(_ json: JSON) throws(SmartConnectorError) {
        guard json.kind == .object else {
            throw SmartConnectorError(
                .malformedDocument, "an integration is a JSON object, and this is of kind \(json.kind)")
        }
        self.json = json
    }

    /// A member of the document. Setting it to nil removes it.
    public subscript(name: String) -> JSON? {
        get { json[name] }
        _modify { yield &json[name] }
    }

    /// A value within the document, by the path that leads to it: `integration[path: "settings.store.currency"]`.
    ///
    /// Assigning makes the objects that are missing on the way; nil removes a member. It does nothing where the way leads
    /// through a scalar or beyond the end of an array: ``JSON/set(_:at:)`` throws there.
    public subscript(path path: JSON.Path) -> JSON? {
        get { json[path: path] }
        set {
            // The document stays an object.
            if !path.components.isEmpty { json[path: path] = newValue }
        }
    }

    /// A value within `settings`, by the path that leads to it from there: `integration[setting: "store.currency"]`.
    ///
    /// Assigning makes `settings` and the objects that are missing on the way, as ``subscript(path:)`` does.
    public subscript(setting path: JSON.Path) -> JSON? {
        get { self["settings"]?[path: path] }
        set { self[path: JSON.Path(["settings"] + path.components)] = newValue }
    }

    /// Whether both are one document in memory; false says nothing.
    func isIdentical(to other: Integration) -> Bool { json.isIdentical(to: other.json) }

    /// Whether this is what a server makes of `sent` when it stores it, and nothing else; false says nothing.
    func isStored(of sent: Integration) -> Bool { json.hasIdenticalMembers(to: sent.json, except: "lastModified") }

    // MARK: Every integration

    /// The `_id` that the server gave. Nil in a document that no server has stored.
    public var id: String? { self["_id"]?.string }

    /// What the user sees the integration called: `name`. Setting it to nil removes the member.
    public var name: String? {
        get { self["name"]?.string }
        set { self["name"] = newValue.map { JSON($0) } }
    }

    /// When the server last stored the document: ISO 8601 text with milliseconds, in UTC. Nil where no server has.
    public var lastModified: String? { self["lastModified"]?.string }

    // MARK: SmartConnectors only

    /// The `_connectorId` of the connector that this is an installed copy of. Nil for a DIY integration.
    public var connectorID: String? { self["_connectorId"]?.string }

    /// The mode, or nil where the document has none or one that is not known.
    public var mode: Mode? {
        get { self["mode"]?.string.flatMap(Mode.init(rawValue:)) }
        set { self["mode"] = newValue.map { JSON($0.rawValue) } }
    }

    /// Whether a managed update is under way. While it is, the user may not change settings.
    public var isUpdateInProgress: Bool {
        get { self["updateInProgress"]?.bool ?? false }
        set { self["updateInProgress"] = JSON(newValue) }
    }

    /// The connector's configuration in this account. Nil where the document has none: then ``subscript(setting:)`` makes
    /// it, and `settings?["name"] = …` does nothing, as optional chaining does.
    public var settings: JSON? {
        get { self["settings"] }
        set { self["settings"] = newValue }
    }

    /// The steps of `install[]` in order.
    public var steps: [InstallStep] { self["install"]?.array?.map { InstallStep($0) } ?? [] }

    /// One step, read or changed in place. Nil beyond the ends.
    public subscript(step index: Int) -> InstallStep? {
        get { self["install"]?[index].map { InstallStep($0) } }
        set { self["install"]?[index] = newValue?.json }
    }

    /// The mode of a document that the engine may drive.
    ///
    /// - Throws: ``SmartConnectorError``: it is of the second generation or a DIY integration, or its mode is unknown.
    func checkedMode() throws(SmartConnectorError) -> Mode {
        try checkGeneration()
        guard let written = self["mode"] else {
            // The real API gives these empty lists of steps.
            let isDIY = connectorID == nil && (self["install"].map { $0.isNull || $0.count == 0 } ?? true)
            throw SmartConnectorError(
                .notASmartConnector,
                isDIY
                    ? "\(label) is a DIY integration: it has no mode and no steps, and nothing to install"
                    : "\(label) has no mode; a SmartConnector's mode is install, settings or uninstall")
        }
        guard let mode = written.string.flatMap(Mode.init(rawValue:)) else {
            throw SmartConnectorError(
                .unknownMode,
                "\(label) has the unknown mode \(written); expected \"install\", \"settings\" or \"uninstall\"")
        }
        return mode
    }

    /// Refuses a document whose steps are those of the platform's second generation: it has no work for this engine in
    /// `install`, and is not an installation without steps.
    ///
    /// Source: integrator.io's Integration API, `installSteps`, `uninstallSteps` and `changeEditionSteps`.
    private func checkGeneration() throws(SmartConnectorError) {
        guard let list = secondGenerationSteps.first?.list else { return }
        throw SmartConnectorError(
            .secondGeneration,
            "\(label) has steps in \(list): it is an integration app of the second generation, which integrator.io itself installs, changes and removes; use its pages, or its routes of that name"
        )
    }

    /// What the document is called in an error.
    var label: String { id.map { "integration \($0)" } ?? "this document" }

    /// The elements of `install`.
    ///
    /// - Throws: ``SmartConnectorError``: `install` is no array of objects.
    func checkedInstall() throws(SmartConnectorError) -> JSON.Elements {
        guard let install = self["install"], !install.isNull else { return JSON.Elements([]) }
        guard let elements = install.elements else {
            throw SmartConnectorError(
                .malformedDocument, "install of \(label) is of kind \(install.kind); expected an array of steps")
        }
        for index in elements.indices where elements[index].kind != .object {
            throw SmartConnectorError(
                .malformedDocument,
                "install[\(index)] of \(label) is of kind \(elements[index].kind); expected an object")
        }
        return elements
    }
}
