/// What a function changes in a step: an element of `stepsToUpdate`.
///
/// It is for the step that has the most of the name and functions that it says, among several the one whose function
/// says it. Say more than a function that several steps share, or begin with the step itself.
///
/// ```swift
/// connector.installer("verifyConnection") { call in
///     .completed(stepsToUpdate: [StepUpdate(name: "Bundle", installURL: "https://shop.example/bundle")])
/// }
/// ```
///
/// Source of the members: integrator.io's Integration API.
public struct StepUpdate: Sendable, Equatable {
    /// The element as it goes over the wire.
    public private(set) var json: JSON

    /// A change of the step that is known by these.
    ///
    /// - Parameters:
    ///   - name: The step's `name`.
    ///   - installerFunction: The step's `installerFunction`.
    ///   - uninstallerFunction: The step's `uninstallerFunction`.
    ///   - isCompleted: Whether it is done: installed if an installer says it, removed if an uninstaller or
    ///     preUninstall does. Nil leaves it as it is.
    ///   - description: What the user is told to do, as for each of the following where it is to be set.
    ///   - imageURL: The logo beside the step.
    ///   - installURL: Where the user goes to do their part.
    ///   - connectionID: The connection that the step sets up.
    ///   - members: An object: any other members to set.
    public init(
        name: String? = nil, installerFunction: String? = nil, uninstallerFunction: String? = nil,
        isCompleted: Bool? = nil, description: String? = nil, imageURL: String? = nil, installURL: String? = nil,
        connectionID: String? = nil, members: JSON = [:]
    ) {
        json =
            InstallStep(
                name: name, description: description, imageURL: imageURL, installURL: installURL,
                connectionID: connectionID, installerFunction: installerFunction,
                uninstallerFunction: uninstallerFunction, isCompleted: isCompleted
            ).json
        for (name, value) in members.members ?? [] { json[name] = value }
    }

    /// A change of this step, which is known by its name and both functions.
    public init(of step: InstallStep, isCompleted: Bool? = nil, installURL: String? = nil, members: JSON = [:]) {
        self.init(
            name: step.name, installerFunction: step.installerFunction, uninstallerFunction: step.uninstallerFunction,
            isCompleted: isCompleted, installURL: installURL, members: members)
    }
}

extension StepResult {
    /// The step is done, and these steps change.
    public static func completed(stepsToUpdate: [StepUpdate]) -> StepResult {
        .completed(stepsToUpdate: stepsToUpdate.map(\.json))
    }
}

extension UninstallOrder {
    /// All steps, the last one first, and these changed before.
    public static func patching(stepsToUpdate: [StepUpdate]) -> UninstallOrder {
        .patching(stepsToUpdate: stepsToUpdate.map(\.json))
    }
}
