/// An option without a value: it is there or not.
///
/// ```swift
/// @Flag("--begin", "only enter the mode") var isOnlyBeginning: Bool
/// ```
@propertyWrapper
public struct Flag: Sendable, ArgumentWrapper {
    private let storage: ArgumentStorage<Bool>

    /// Whether the command line has it.
    public var wrappedValue: Bool { storage.value }

    /// The declaration, which prints as one writes the flag.
    public var projectedValue: Flag { self }

    /// Its name, with the dashes.
    public var name: String { storage.declaration.name }

    var declared: any DeclaredArgument { storage }

    /// A flag.
    ///
    /// - Parameters:
    ///   - name: Its name, with the dashes.
    ///   - help: What it is good for, in a few words.
    public init(_ name: String, _ help: String) {
        let declaration = Declaration(kind: .flag, name: name, value: nil, help: help)
        storage = ArgumentStorage(declaration, initial: false) { _, value in value = true }
    }
}
