/// What stands on the command line after the command's name.
///
/// ```swift
/// @Argument("ID", "the integration's _id", as: .text) var id: String
/// ```
///
/// The order of the properties is that of the command line. One that may be left out comes after all others.
@propertyWrapper
public struct Argument<Value: Sendable>: Sendable, ArgumentWrapper {
    private let storage: ArgumentStorage<Value>

    /// What the command line says.
    public var wrappedValue: Value { storage.value }

    /// The declaration, which prints as one writes the argument.
    public var projectedValue: Argument { self }

    var declared: any DeclaredArgument { storage }

    /// An argument that has to be there.
    ///
    /// - Parameters:
    ///   - name: What the help calls it.
    ///   - help: What it is, in a few words.
    ///   - format: How it is written. Anything else is a ``UsageError``.
    public init(_ name: String, _ help: String, as format: ArgumentFormat<Value>) {
        var declaration = Declaration(kind: .argument, name: name, value: nil, help: help, isRequired: true)
        declaration.choices = format.choices
        storage = ArgumentStorage(declaration, initial: nil, format) { $0 }
    }

    /// An argument that may be left out.
    ///
    /// - Parameters:
    ///   - name: What the help calls it.
    ///   - help: What it is, in a few words.
    ///   - format: How it is written. Anything else is a ``UsageError``.
    public init<One>(_ name: String, _ help: String, as format: ArgumentFormat<One>) where Value == One? {
        var declaration = Declaration(kind: .argument, name: name, value: nil, help: help)
        declaration.choices = format.choices
        storage = ArgumentStorage(declaration, initial: .some(nil), format) { $0 }
    }

    /// All arguments from here on; there may be none.
    ///
    /// - Parameters:
    ///   - name: What the help calls each.
    ///   - help: What they are, in a few words.
    ///   - format: How each is written. Anything else is a ``UsageError``.
    public init<One>(_ name: String, _ help: String, as format: ArgumentFormat<One>) where Value == [One] {
        var declaration = Declaration(kind: .argument, name: name, value: nil, help: help, isRepeated: true)
        declaration.choices = format.choices
        storage = ArgumentStorage(declaration, format)
    }
}
