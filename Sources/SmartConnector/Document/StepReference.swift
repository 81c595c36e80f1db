/// A step as it was when it was called, so that it can be found again in a document that has changed since.
///
/// The values stand in one immutable object: references are handed on at each decision, and a copy is to cost no more
/// than counting one reference.
public struct StepReference: Sendable {
    private final class Values: Sendable {
        // What each decision looks at comes first, so that it is at one place in memory.
        let index: Int
        let installerFunction: String?
        let uninstallerFunction: String?
        let name: String?

        init(index: Int, name: String?, installerFunction: String?, uninstallerFunction: String?) {
            self.index = index
            self.name = name
            self.installerFunction = installerFunction
            self.uninstallerFunction = uninstallerFunction
        }
    }

    private let values: Values

    /// The index in `install[]`, counted from 0.
    public var index: Int { values.index }
    /// The step's `name`. Nil where it has none.
    public var name: String? { values.name }
    /// The step's `installerFunction`. Nil where a person does the step.
    public var installerFunction: String? { values.installerFunction }
    /// The step's `uninstallerFunction`. Nil where there is nothing to undo.
    public var uninstallerFunction: String? { values.uninstallerFunction }

    /// A reference to the step at an index, by what else the step is known by.
    public init(
        index: Int, name: String? = nil, installerFunction: String? = nil, uninstallerFunction: String? = nil
    ) {
        precondition(index >= 0, "steps are counted from 0")
        values = Values(
            index: index, name: name, installerFunction: installerFunction, uninstallerFunction: uninstallerFunction)
    }

    init(_ step: InstallStep, at index: Int) { self = step.read(at: index).reference }

    /// Whether both are one reference in memory. False says nothing.
    func isIdentical(to other: StepReference) -> Bool { values === other.values }

    func isNamed(as other: StepReference) -> Bool {
        values === other.values || name.isExactly(other.name)
    }

    /// Whether both name the same functions.
    func hasFunctions(of other: StepReference) -> Bool {
        values === other.values
            || installerFunction.isExactly(other.installerFunction)
                && uninstallerFunction.isExactly(other.uninstallerFunction)
    }
}

extension StepReference: Hashable {
    /// Whether both have the same index, name and functions, scalar by scalar.
    public static func == (left: StepReference, right: StepReference) -> Bool {
        left.values === right.values
            || left.index == right.index && left.isNamed(as: right) && left.hasFunctions(of: right)
    }

    /// Hashes what is compared: index, name and functions.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(index)
        for text in [name, installerFunction, uninstallerFunction] { hasher.combine(text.map(ExactText.init)) }
    }
}
