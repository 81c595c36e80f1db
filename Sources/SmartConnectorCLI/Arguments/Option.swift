/// An option with a value: `--to 1.1.0`, or `--to=1.1.0`.
///
/// ```swift
/// @Option("--to", "V", "the version to update to", as: .version) var target: ConnectorVersion?
/// @Option("--port", "P", "the port", as: .number(in: 0...65535)) var port = 7080
/// ```
@propertyWrapper
public struct Option<Value: Sendable>: Sendable, ArgumentWrapper {
    private let storage: ArgumentStorage<Value>

    /// What the command line says, the last where it says several.
    public var wrappedValue: Value { storage.value }

    /// The declaration, which prints as one writes the option.
    public var projectedValue: Option { self }

    /// Its name, with the dashes.
    public var name: String { storage.declaration.name }

    /// Whether the command line says anything of it.
    public var isGiven: Bool { storage.isGiven }

    var declared: any DeclaredArgument { storage }

    /// An option that may be left out.
    ///
    /// - Parameters:
    ///   - name: Its name, with the dashes.
    ///   - value: What the help calls its value.
    ///   - help: What it is good for, in a few words.
    ///   - format: How the value is written. Anything else is a ``UsageError``.
    public init<One>(_ name: String, _ value: String, _ help: String, as format: ArgumentFormat<One>)
    where Value == One? {
        var declaration = Declaration(kind: .option, name: name, value: value, help: help)
        declaration.choices = format.choices
        storage = ArgumentStorage(declaration, initial: .some(nil), format) { $0 }
    }

    /// An option that may be left out, and then has a value all the same.
    ///
    /// - Parameters:
    ///   - wrappedValue: The value where the command line says none. The help shows it.
    ///   - name: Its name, with the dashes.
    ///   - value: What the help calls its value.
    ///   - help: What it is good for, in a few words.
    ///   - format: How the value is written. Anything else is a ``UsageError``.
    public init(
        wrappedValue: Value, _ name: String, _ value: String, _ help: String, as format: ArgumentFormat<Value>
    ) {
        var declaration = Declaration(kind: .option, name: name, value: value, help: help)
        declaration.defaultText = "\(wrappedValue)"
        declaration.choices = format.choices
        storage = ArgumentStorage(declaration, initial: wrappedValue, format) { $0 }
    }

    /// An option that has to be there.
    ///
    /// - Parameters:
    ///   - name: Its name, with the dashes.
    ///   - value: What the help calls its value.
    ///   - help: What it is good for, in a few words.
    ///   - format: How the value is written. Anything else is a ``UsageError``.
    public init(_ name: String, _ value: String, _ help: String, as format: ArgumentFormat<Value>) {
        var declaration = Declaration(kind: .option, name: name, value: value, help: help, isRequired: true)
        declaration.choices = format.choices
        storage = ArgumentStorage(declaration, initial: nil, format) { $0 }
    }

    /// An option that may be there any number of times.
    ///
    /// - Parameters:
    ///   - name: Its name, with the dashes.
    ///   - value: What the help calls each value.
    ///   - help: What it is good for, in a few words.
    ///   - format: How each value is written. Anything else is a ``UsageError``.
    public init<One>(_ name: String, _ value: String, _ help: String, as format: ArgumentFormat<One>)
    where Value == [One] {
        var declaration = Declaration(kind: .option, name: name, value: value, help: help, isRepeated: true)
        declaration.choices = format.choices
        storage = ArgumentStorage(declaration, format)
    }
}
