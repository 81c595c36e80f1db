/// A view of one element of `install[]`.
///
/// Setting a property changes that member of the element and nothing else.
public struct InstallStep: Sendable, Equatable {
    /// The element, with every member it has.
    public var json: JSON

    public init(_ json: JSON) {
        self.json = json
    }

    /// What the user sees the step called.
    public var name: String? { json["name"]?.string }
    /// What the user is told to do.
    public var description: String? { json["description"]?.string }
    /// The logo beside the step: a link or a path relative to integrator.io.
    public var imageURL: String? { json["imageURL"]?.string }
    /// Where the user goes to do their part of the step.
    public var installURL: String? { json["installURL"]?.string }
    /// The connection that the step sets up.
    public var connectionID: String? { json["_connectionId"]?.string }
    /// The function that makes what the step stands for. None where a person does it.
    public var installerFunction: String? { Self.functionName(json["installerFunction"]) }
    /// The function that removes it again. None where there is nothing to undo.
    public var uninstallerFunction: String? { Self.functionName(json["uninstallerFunction"]) }

    /// Whether what this step makes exists in the account. Anything but `true` means that it does not.
    public var isCompleted: Bool {
        get { json["completed"]?.bool ?? false }
        set { json["completed"] = JSON(newValue) }
    }

    /// An empty name is as good as none.
    private static func functionName(_ json: JSON?) -> String? {
        json?.string.flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// A step as it was when it was called, so that it can be found again in a document that has changed since.
public struct StepReference: Sendable, Hashable, Codable {
    /// The index in `install[]`, counted from 0.
    public var index: Int
    public var name: String?
    public var installerFunction: String?
    public var uninstallerFunction: String?

    public init(
        index: Int, name: String? = nil, installerFunction: String? = nil, uninstallerFunction: String? = nil
    ) {
        self.index = index
        self.name = name
        self.installerFunction = installerFunction
        self.uninstallerFunction = uninstallerFunction
    }

    init(_ step: InstallStep, at index: Int) {
        self.init(
            index: index, name: step.name, installerFunction: step.installerFunction,
            uninstallerFunction: step.uninstallerFunction)
    }

    /// Whether both name the same functions.
    private func hasFunctions(of other: StepReference) -> Bool {
        installerFunction == other.installerFunction && uninstallerFunction == other.uninstallerFunction
    }

    private var hasFunction: Bool { installerFunction != nil || uninstallerFunction != nil }

    /// The step among `steps` that this refers to: the same functions and name, else the same functions, else the
    /// same name. Names and functions may repeat, so among several the one at the nearest index is meant.
    func find(in steps: [StepReference]) -> Int? {
        if steps.indices.contains(index), steps[index].name == name, steps[index].hasFunctions(of: self) {
            return index
        }
        func nearest(_ isMeant: (StepReference) -> Bool) -> Int? {
            steps.indices.filter { isMeant(steps[$0]) }.min { abs($0 - index) < abs($1 - index) }
        }
        return nearest { $0.name == name && $0.hasFunctions(of: self) }
            ?? (hasFunction ? nearest { $0.hasFunctions(of: self) } : nil)
            ?? (name == nil ? nil : nearest { $0.name == name })
    }
}
