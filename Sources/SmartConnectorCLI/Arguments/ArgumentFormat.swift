import Foundation
public import SmartConnector

/// How a value is written on the command line.
public struct ArgumentFormat<Value: Sendable>: Sendable {
    /// Reads a text; the name is that of the argument or option, for the error.
    let read: @Sendable (_ name: String, _ text: String) throws -> Value
    /// The texts that there are, where there are few.
    var choices: [String] = []

    init(reading read: @escaping @Sendable (_ name: String, _ text: String) throws -> Value) {
        self.read = read
    }

    /// A format of one's own.
    ///
    /// - Parameters:
    ///   - expected: What is expected, as the error says it: "a version such as 1.2.0".
    ///   - read: Reads a text, or returns nil where it is none of these.
    public init(_ expected: String, _ read: @escaping @Sendable (String) -> Value?) {
        self.init { name, text in
            guard let value = read(text) else {
                throw UsageError("\(name) takes \(expected), and not '\(text)'")
            }
            return value
        }
    }
}

extension ArgumentFormat where Value == String {
    /// Any text.
    public static var text: ArgumentFormat { ArgumentFormat { _, text in text } }
}

extension ArgumentFormat where Value == Int {
    /// A whole number within a range.
    ///
    /// - Parameter range: The numbers that are taken.
    /// - Returns: The format.
    public static func number(in range: ClosedRange<Int>) -> ArgumentFormat {
        ArgumentFormat("a number from \(range.lowerBound) to \(range.upperBound)") { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// A share from 0 to 100, with or without the sign of percentages.
    public static var percentage: ArgumentFormat {
        ArgumentFormat("a percentage such as 5%") { text in
            Int(text.hasSuffix("%") ? String(text.dropLast()) : text).flatMap { (0...100).contains($0) ? $0 : nil }
        }
    }
}

extension ArgumentFormat where Value == Duration {
    /// A duration with its unit: `500ms`, `30s`, `5m`, `1h`.
    public static var duration: ArgumentFormat {
        ArgumentFormat("a duration such as 30s, 5m or 1h") { text in
            guard let match = text.wholeMatch(of: #/(\d{1,9})(ms|s|m|h)/#), let number = Int(match.1) else {
                return nil
            }
            switch match.2 {
            case "ms": return .milliseconds(number)
            case "s": return .seconds(number)
            case "m": return .seconds(number * 60)
            default: return .seconds(number * 3600)
            }
        }
    }

    /// A duration in milliseconds.
    public static var milliseconds: ArgumentFormat {
        ArgumentFormat("milliseconds") { text in
            Int(text).flatMap { $0 >= 0 ? .milliseconds($0) : nil }
        }
    }
}

extension ArgumentFormat where Value == ConnectorVersion {
    /// The version of a connector.
    public static var version: ArgumentFormat {
        ArgumentFormat("a version such as 1.2.0") { ConnectorVersion($0) }
    }
}

extension ArgumentFormat where Value == JSON {
    /// A JSON object.
    public static var jsonObject: ArgumentFormat { ArgumentFormat { name, text in try object(name, text.utf8) } }

    /// A JSON object, or the path of a file with one. What begins with a brace is no path.
    public static var jsonObjectOrFile: ArgumentFormat {
        ArgumentFormat { name, text in
            if text.drop(while: \.isWhitespace).first == "{" { return try object(name, text.utf8) }
            guard let contents = FileManager.default.contents(atPath: text) else {
                throw UsageError("\(name) takes a JSON object or a file with one, and the file \(text) cannot be read")
            }
            return try object(name, contents)
        }
    }

    private static func object(_ name: String, _ bytes: some Sequence<UInt8>) throws -> JSON {
        let value: JSON
        do {
            value = try JSON(parsing: Array(bytes))
        } catch {
            throw UsageError("\(name) is \(error)")
        }
        guard value.kind == .object else {
            throw UsageError("\(name) takes a JSON object, and not one of kind \(value.kind)")
        }
        return value
    }
}

extension ArgumentFormat where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    /// One of the cases of an enumeration, by its raw value.
    public static var choice: ArgumentFormat {
        var format = ArgumentFormat { name, text in
            guard let value = Value(rawValue: text) else {
                throw UsageError("\(name) is \(list(Value.allCases.map(\.rawValue))), and not '\(text)'")
            }
            return value
        }
        format.choices = Value.allCases.map(\.rawValue)
        return format
    }

    /// A few are read as a sentence, many as a list.
    private static func list(_ names: [String]) -> String {
        guard names.count <= 3, let last = names.last else { return "one of \(names.joined(separator: ", "))" }
        return names.count == 1 ? last : "\(names.dropLast().joined(separator: ", ")) or \(last)"
    }
}
