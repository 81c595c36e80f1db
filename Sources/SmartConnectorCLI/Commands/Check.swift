import Foundation
import SmartConnector

struct Check: Command {
    static let name = "check"
    static let summary = "say what is wrong with a document, and with the connector for it"
    static let sharedOptions: SharedOptions = [.place, .functions, .output]
    static let examples = [["integration.json"], ["integration.json", "--strict", "--json"], ["--schema"]]

    @Argument("FILE|ID", "a document (-: standard input), or an integration's _id", as: .text) var subject: String?
    @Flag("--strict", "end with 1 for warnings, too") var isStrict: Bool
    @Flag("--schema", "print the JSON Schema of a document, for editors") var isSchema: Bool

    var usage: [[String]] { [["\($subject)", "[\($isStrict)]"], ["\($isSchema)"]] }

    func run(_ session: Session) async throws -> ExitCode {
        guard !isSchema else {
            guard subject == nil, !isStrict else {
                throw UsageError("\($isSchema) prints the schema, and checks nothing")
            }
            session.output.print(document: try JSON(parsing: PackageResources.integration_schema_json))
            return .done
        }
        guard let subject else {
            throw UsageError("check takes a document or an integration: \(session.program) check \($subject)")
        }
        let document = try await document(subject, session)
        let functions = try await functions(for: document, session)
        let findings = DocumentCheck(
            document: document, functions: functions, connectorID: session.functions.checkedID
        ).findings
        if session.output.isJSON {
            session.output.print(json: [
                "format": JSON(Output.format), "time": JSON(Date().shown), "integration": document["_id"] ?? .null,
                "functionsKnown": JSON(functions != nil), "findings": JSON(findings.map(\.json)),
            ])
        } else {
            show(findings, areFunctionsKnown: functions != nil, session)
        }
        let isWrong = findings.contains { $0.severity == .error || isStrict }
        return isWrong ? .stopped : .done
    }

    /// A file where there is one of that name, or where it looks like one, and else an integration of the store.
    private func document(_ subject: String, _ session: Session) async throws -> JSON {
        let looksLikeFile = subject == "-" || subject.contains("/") || subject.hasSuffix(".json")
        if looksLikeFile || FileManager.default.fileExists(atPath: subject) {
            // Deeper than a store takes, so that it can be said.
            return try session.output.console.document(subject, maximumDepth: JSON.maximumStoredDepth)
        }
        return try await session.place.store().get(subject).integration.json
    }

    /// The functions that the command line asks for, or the program's own; nil where there are none.
    private func functions(for document: JSON, _ session: Session) async throws -> FunctionDirectory? {
        guard let integration = try? Integration(document) else { return nil }
        guard session.functions.areKnown else { return nil }
        let directory = try await session.functions.directory(for: integration)
        return directory.isOpen ? nil : directory
    }

    private func show(_ findings: [Finding], areFunctionsKnown: Bool, _ session: Session) {
        for finding in findings { session.output.print(line: finding.line) }
        let (errors, warnings) = (
            findings.count { $0.severity == .error }, findings.count { $0.severity == .warning }
        )
        if !areFunctionsKnown {
            session.output.print(
                line: "the functions were not checked: the connector's own command does that, or --stack")
        }
        session.output.print(
            line: findings.isEmpty
                ? "nothing is wrong with it" : "\(counted(errors, "error")), \(counted(warnings, "warning"))")
    }

    private func counted(_ count: Int, _ word: String) -> String { "\(count) \(word)\(count == 1 ? "" : "s")" }
}
