/// A view of one element of `install[]`.
///
/// Setting a property changes that member of the element and nothing else.
///
/// Source of the members: integrator.io's Integration API.
public struct InstallStep: Sendable, Equatable {
    /// The element, with every member it has.
    public var json: JSON

    /// A view of an element. One that is no object has none of the members below.
    public init(_ json: JSON) {
        self.json = json
    }

    /// A step as an author writes it. What is nil is left out.
    ///
    /// - Parameters:
    ///   - name: What the user sees the step called.
    ///   - description: What the user is told to do.
    ///   - imageURL: The logo beside the step.
    ///   - installURL: Where the user goes to do their part.
    ///   - connectionID: The connection that the step sets up.
    ///   - installerFunction: The function that makes what the step stands for; without one a person does it.
    ///   - uninstallerFunction: The function that removes it again.
    ///   - isCompleted: Whether it exists already.
    public init(
        name: String?, description: String? = nil, imageURL: String? = nil, installURL: String? = nil,
        connectionID: String? = nil, installerFunction: String? = nil, uninstallerFunction: String? = nil,
        isCompleted: Bool? = false
    ) {
        json = [:]
        let members = [
            ("name", name), ("description", description), ("imageURL", imageURL), ("installURL", installURL),
            ("_connectionId", connectionID), ("installerFunction", installerFunction),
            ("uninstallerFunction", uninstallerFunction),
        ]
        for case (let member, let text?) in members { json[member] = JSON(text) }
        if let isCompleted { json["completed"] = JSON(isCompleted) }
    }

    /// What the user sees the step called. Nil where the element does not say, as for all members below.
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

    /// By what the names are told apart of all that a reading is made of.
    private struct Marks {
        let name = JSON.Name(JSON("name")).mark
        let installer = JSON.Name(JSON("installerFunction")).mark
        let uninstaller = JSON.Name(JSON("uninstallerFunction")).mark
        let completed = JSON.Name(JSON("completed")).mark
    }

    private static let marks = Marks()

    /// A reference to this step at an index, and whether it is completed: all that the machine goes by.
    ///
    /// One that is not as it was parsed is read in one pass over its members.
    func read(at index: Int) -> (reference: StepReference, isCompleted: Bool) {
        guard case .object(let members) = json.storage else {
            return (
                StepReference(
                    index: index, name: name, installerFunction: installerFunction,
                    uninstallerFunction: uninstallerFunction), isCompleted
            )
        }
        var (name, installer, uninstaller, isCompleted): (String?, String?, String?, Bool) = (nil, nil, nil, false)
        let marks = Self.marks
        // Of members of one name the last one counts.
        for member in 0..<members.count {
            switch members.names[member].mark {
            case marks.name: name = members.values[member].string
            case marks.completed: isCompleted = members.values[member].bool ?? false
            case marks.installer where members.names[member].json.isString("installerFunction"):
                installer = Self.functionName(members.values[member])
            case marks.uninstaller where members.names[member].json.isString("uninstallerFunction"):
                uninstaller = Self.functionName(members.values[member])
            default: break
            }
        }
        return (
            StepReference(index: index, name: name, installerFunction: installer, uninstallerFunction: uninstaller),
            isCompleted
        )
    }
}
