import Foundation
public import SmartConnector
import Synchronization

/// A token, and where it may come from: an option, a file, a variable of the environment. Whatever it is, it is never shown.
struct Token: Sendable {
    let option: Option<Secret?>
    let file: Option<TokenFile?>
    /// The variable of the environment that counts where the command line says nothing.
    let variable: String

    /// The ways to give it, for the error that says that it lacks.
    var ways: String { "\(option), \(file) or \(variable)" }

    /// Throws ``UsageError`` where it is given twice.
    func check() throws(UsageError) {
        if option.isGiven, file.isGiven {
            throw UsageError("\(option.name) and \(file.name) are two ways to give one token; use one of them")
        }
    }

    /// The token that the command line gives, or else the environment.
    ///
    /// - Returns: The token; nil where there is none.
    /// - Throws: ``UsageError`` where it is given twice, or what is given is none; ``FileError`` for a file.
    func given(in environment: [String: String]) throws -> Secret? {
        try check()
        if let token = option.wrappedValue { return token }
        if let token = try file.wrappedValue?.token() { return token }
        return try environment[variable].map { text throws(UsageError) in
            try Secret(token: text) { UsageError("\(variable) \($0)") }
        }
    }
}

/// A file with a token, read once: from a pipe it cannot be read again.
final class TokenFile: Sendable {
    /// A token is short; what is longer is another file.
    private static let maximumSize = 1 << 16

    private let path: String
    private let state = Guarded<Secret?>(nil)

    init(_ path: String) {
        self.path = path
    }

    /// The token in the file.
    ///
    /// - Throws: ``FileError`` where it cannot be read, or has something else in it.
    func token() throws -> Secret {
        try state.withLock { known in
            if let known { return known }
            let token = try Secret(token: read()) { reason in
                FileError(description: "the token file \(path) \(reason)", status: .badData)
            }
            known = token
            return token
        }
    }

    private func read() throws -> String {
        let unreadable = FileError(description: "the token file \(path) cannot be read", status: .notFound)
        guard let handle = FileHandle(forReadingAtPath: path) else { throw unreadable }
        defer { try? handle.close() }
        let data: Data
        do {
            data = try handle.read(upToCount: Self.maximumSize + 1) ?? Data()
        } catch {
            throw unreadable
        }
        guard data.count <= Self.maximumSize, let text = String(data: data, encoding: .utf8) else {
            throw FileError(
                description: "the token file \(path) is no token: one line of text", status: .badData)
        }
        return text
    }
}

extension Secret {
    /// A token as somebody wrote it: without the line's end and the spaces around it, which editors and shells add.
    ///
    /// A header field cannot hold what is not seen, so that a token with such a character would be sent as none at all
    /// (RFC 9110, 5.5).
    ///
    /// - Parameter failure: Makes the error, which says why it is none and does not repeat it.
    fileprivate init<Failure: Error>(token text: String, _ failure: (String) -> Failure) throws(Failure) {
        let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty else { throw failure("is empty") }
        guard !token.contains(where: \.isNewline) else {
            throw failure("has a line break in it; a token is one line")
        }
        guard token.printable == token else { throw failure("has characters in it that are not seen") }
        self.init(token)
    }
}

extension ArgumentFormat where Value == Secret {
    /// A token. A line's end after it is passed over; one inside, or nothing at all, is a ``UsageError``, which does not
    /// repeat it.
    public static var secret: ArgumentFormat {
        ArgumentFormat { name, text in try Secret(token: text) { UsageError("\(name) \($0)") } }
    }
}

extension ArgumentFormat where Value == TokenFile {
    /// The path of a file with a token, or of a pipe, as `<(…)` makes one.
    static var tokenFile: ArgumentFormat { ArgumentFormat { _, text in TokenFile(text) } }
}
