/// What a new package is called, and its module with it.
struct PackageName: Sendable, Equatable {
    /// As the folder, the package and the executable are called: `my-connector`.
    let text: String

    /// As the module is called: `MyConnector`.
    var module: String { text.upperCamelCase }

    private static let maximumLength = 50

    /// Modules that a connector imports or that come with them, keywords, and types that a module would hide.
    private static let taken: Set<String> = [
        "any", "ccurl", "cgnutls", "connector", "cpolling", "cpostgres", "csqlite", "czlib", "dispatch", "foundation",
        "glibc", "main", "packagedescription", "packageresources", "protocol", "self", "smartconnector", "swift",
        "test",
        "testing", "type", "xctest",
    ]

    /// A name.
    ///
    /// - Throws: ``UsageError`` where it is none, or where it is taken.
    init(_ text: String) throws(UsageError) {
        let isLetters = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
        guard let first = text.first, first.isASCII, first.isLetter, isLetters else {
            throw UsageError(
                "'\(text)' is no name for a package: letters, digits, - and _, a letter first, such as my-connector")
        }
        guard text.utf8.count <= Self.maximumLength else {
            throw UsageError("a package's name has \(Self.maximumLength) characters at most, and this one has more")
        }
        self.text = text
        let module = module.lowercased()
        guard !Self.taken.contains(module), !module.hasPrefix("smartconnector") else {
            throw UsageError(
                "'\(text)' is the name of something that a connector is built with; choose another, such as my-\(text)")
        }
    }
}
