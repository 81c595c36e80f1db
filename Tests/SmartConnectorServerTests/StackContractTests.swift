import Foundation
import Limits
import SmartConnector
import SmartConnectorTesting
import SmartConnectorWire
import Testing

/// A stack is answered for as the platform's own stacks answer: `Fixtures/stack-contract.json` has requests and what those
/// answer. Where we answer otherwise on purpose, the row has that answer too, and why.
@Suite(.ends(within: .minutes(3)))
struct StackContractTests {
    /// A request and what is answered to it.
    struct Row: Sendable, CustomTestStringConvertible {
        let json: JSON

        var name: String { json["name"]?.string ?? "" }
        var testDescription: String { name }
        /// What the platform's stacks answer; nil where they never do.
        var theirs: Expectation? { json["theirs"].flatMap { $0.isNull ? nil : Expectation(json: $0) } }
        var ours: Expectation? { json["ours"].map(Expectation.init) }
        var why: String? { json["why"]?.string }

        var request: HTTPRequest {
            let request = json["request"] ?? [:]
            func fields(_ name: String) -> [HTTPRequest.Field] {
                (request[name]?.array ?? []).map { HTTPRequest.Field($0[0]?.string ?? "", $0[1]?.string ?? "") }
            }
            var made = HTTPRequest(
                method: request["method"]?.string ?? "POST", path: request["path"]?.string ?? "/function",
                query: fields("query"), headers: fields("headers"), openConnections: request["openConnections"]?.int)
            if let body = request["body"] {
                made.body = body.utf8()
            } else if let text = request["text"]?.string {
                made.body = Array(text.utf8)
            } else if let data = (request["base64"]?.string).flatMap({ Data(base64Encoded: $0) }) {
                made.body = Array(data)
            } else if let count = request["blanks"]?.int {
                made.body = [UInt8](repeating: UInt8(ascii: " "), count: count)
            }
            return made
        }
    }

    /// What is expected of an answer; what is not said may be anything.
    struct Expectation: Equatable {
        let json: JSON

        /// What is otherwise, in words.
        func differences(_ answer: HTTPResponse) -> [String] {
            var differences: [String] = []
            let body = answer.json
            if let status = json["status"]?.int, status != answer.status {
                differences.append("status \(answer.status) and not \(status)")
            }
            for header in json["headers"]?.members ?? [] where answer.header(header.name) != header.value.string {
                differences.append("\(header.name) is \(answer.header(header.name) ?? "missing")")
            }
            if let expected = json["body"], !body.isEquivalent(to: expected) { differences.append("body \(body)") }
            if json["isEmpty"] != nil, !answer.body.isEmpty { differences.append("a body: \(body)") }
            if let code = json["code"], body["errors"]?[0]?["code"] != code { differences.append("errors \(body)") }
            if let errors = json["errors"]?.array {
                let answered = (body["errors"]?.array ?? []).map {
                    JSON([$0["code"] ?? .null, $0["message"] ?? .null])
                }
                if answered != errors { differences.append("errors \(body)") }
            }
            return differences
        }
    }

    static let rows: [Row] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/stack-contract.json")
        do {
            return try JSON(parsing: Data(contentsOf: file)).array?.map(Row.init) ?? []
        } catch {
            preconditionFailure("\(file.path): \(error)")
        }
    }()

    struct Broken: LocalizedError { var errorDescription: String? { "it is broken" } }

    private static let connector = {
        var connector = Connector(id: "c1")
        connector.hook("echo") { $0.options.others }
        connector.hook("nothing") { _ in .null }
        connector.hook("large") { _ in JSON(String(repeating: "x", count: 200)) }
        connector.hook("chinese") { _ in "中中中中中" }
        connector.hook("smiles") { _ in "🙂🙂" }
        connector.hook("full") { _ in JSON(String(repeating: "x", count: StackEndpoint.defaultMaximumResponseSize - 2))
        }
        connector.hook("overfull") { _ in
            JSON(String(repeating: "x", count: StackEndpoint.defaultMaximumResponseSize - 1))
        }
        connector.hook("notJSON") { _ in try JSON(encoding: ["number": Double.nan]) }
        connector.hook("refuse") { _ in throw FunctionFailure(code: "invalid_credentials", message: "no such user") }
        connector.hook("break") { _ in throw Broken() }
        connector.wrapper("ping") { _ in "pong" }
        connector.installer("verify") { _ in .completed }
        connector.installer("later") { _ in .notYet("later") }
        connector.installer("both") { _ in .completed }
        connector.connectorInstaller { _ in }
        connector.uninstaller("undo") { _ in .completed(stepsToUpdate: [["name": "s"]]) }
        connector.uninstaller("both") { _ in .notYet("not yet") }
        connector.persistSettings { _ in .saved }
        connector.utility("count") { _ in 3 }
        connector.untyped("flat") { _ in "flat" }
        return connector
    }()

    private static let diy = {
        var diy = Connector(id: "own")
        diy.hook("mine") { _ in "own" }
        diy.untyped("alone") { _ in "alone" }
        return diy
    }()

    /// The stack that a row is about: with a connector and functions of its user's own, or one of them.
    private static func endpoint(_ stack: String?) -> StackEndpoint {
        StackEndpoint(
            connectors: stack == "diy" ? [] : [connector], diy: stack == "connector" ? nil : diy,
            systemToken: Secret("T")
        ) { _ in InMemoryIntegrationAPI() }
    }

    @Test(arguments: rows)
    func aStackAnswersAsThePlatformsOwn(_ row: Row) async throws {
        let expected = try #require(row.ours ?? row.theirs)
        let answer = await Self.endpoint(row.json["stack"]?.string).respond(to: row.request)
        #expect(expected.differences(answer) == [])
        if row.ours != nil {
            #expect(row.why?.isEmpty == false, "it does not say why we answer otherwise")
            let isOtherwise = row.theirs.map { !$0.differences(answer).isEmpty } ?? true
            #expect(isOtherwise, "theirs is the same by now")
        }
    }

    @Test func theTableIsLargeAndNamesEachRequestOnce() {
        #expect(Self.rows.count >= 150)
        #expect(Set(Self.rows.map(\.name)).count == Self.rows.count)
    }
}
