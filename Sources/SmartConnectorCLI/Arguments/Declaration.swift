import SmartConnector
import Synchronization

/// What a command line may say, as the property that holds it declares it: help, usage and parsing come from here.
struct Declaration: Sendable {
    enum Kind: Sendable { case argument, option, flag }

    let kind: Kind
    /// The option with its dashes, or what an argument is called in the help.
    let name: String
    /// What an option's value is called in the help.
    let value: String?
    let help: String
    var isRequired = false
    var isRepeated = false
    /// What holds where the command line says nothing, as the help shows it.
    var defaultText: String?

    /// What it may be, where there are few of them.
    var choices: [String] = []

    /// What a shell may offer for a value.
    enum Completion: Equatable { case nothing, files, folders, integrations, commands, words([String]) }

    var completion: Completion {
        if !choices.isEmpty { return .words(choices) }
        let names = (value ?? name).split(separator: "|")
        if names.contains("FOLDER") || names.contains("PATH") { return .folders }
        if names.contains("FILE") { return .files }
        if names == ["ID"], help.contains("integration") { return .integrations }
        return names == ["COMMAND"] ? .commands : .nothing
    }

    /// As one writes it: `ID`, `--to V`, `--all`.
    var usage: String { value.map { "\(name) \($0)" } ?? name }

    /// The same, with marks for what may be left out or repeated.
    var markedUsage: String {
        switch (isRequired, isRepeated) {
        case (true, _): usage
        case (false, false): "[\(usage)]"
        case (false, true): kind == .argument ? "[\(usage) …]" : "[\(usage)]…"
        }
    }

    var explanation: String { defaultText.map { "\(help) (default: \($0))" } ?? help }
}

/// A declared property into which a command line is read.
protocol DeclaredArgument: Sendable {
    var declaration: Declaration { get }

    /// Takes one value; that of a flag is empty.
    func read(_ text: String) throws
}

/// What is a wrapper around a declared property.
protocol ArgumentWrapper: CustomStringConvertible {
    var declared: any DeclaredArgument { get }
}

extension ArgumentWrapper {
    /// As one writes it: `ID`, `--to V`, `--all`.
    public var description: String { declared.declaration.usage }
}

/// The properties that a value declares, in the order in which they stand.
func declaredArguments(of value: Any) -> [any DeclaredArgument] {
    Mirror(reflecting: value).children.compactMap { ($0.value as? any ArgumentWrapper)?.declared }
}

/// A declared property's value. An object, since a command is read into after it is made.
final class ArgumentStorage<Value: Sendable>: DeclaredArgument {
    let declaration: Declaration
    private let initial: Value?
    private let given = Guarded<Value?>(nil)
    private let add: @Sendable (String, inout Value?) throws -> Void

    /// A property.
    ///
    /// - Parameters:
    ///   - declaration: What it is called and is good for.
    ///   - initial: What it holds where the command line says nothing; nil where it has to.
    ///   - add: Adds what the command line says to what it has said before.
    init(
        _ declaration: Declaration, initial: Value?, add: @escaping @Sendable (String, inout Value?) throws -> Void
    ) {
        self.declaration = declaration
        self.initial = initial
        self.add = add
    }

    /// A property of one value, the last where the command line says several.
    convenience init<One>(
        _ declaration: Declaration, initial: Value?, _ format: ArgumentFormat<One>,
        _ wrap: @escaping @Sendable (One) -> Value
    ) {
        self.init(declaration, initial: initial) { text, value in
            value = wrap(try format.read(declaration.name, text))
        }
    }

    /// A property of all values that the command line says.
    convenience init<One>(_ declaration: Declaration, _ format: ArgumentFormat<One>) where Value == [One] {
        self.init(declaration, initial: []) { text, values in
            let value = try format.read(declaration.name, text)
            // Where they stand twice for a moment, adding the one copies all.
            var all = values ?? []
            values = nil
            all.append(value)
            values = all
        }
    }

    var isGiven: Bool { given.withLock { $0 != nil } }

    var value: Value {
        guard let value = given.withLock({ $0 }) ?? initial else {
            preconditionFailure("\(declaration.name) is used before the command line has been read")
        }
        return value
    }

    func read(_ text: String) throws {
        try given.withLock { try add(text, &$0) }
    }
}
