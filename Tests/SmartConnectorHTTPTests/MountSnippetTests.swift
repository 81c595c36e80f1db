import Foundation
import Limits
import SmartConnectorHTTP
import Testing

/// What the snippet in MountSnippet.swift takes from its surroundings.
let token = "T"

func myConnector() -> Connector {
    var connector = Connector(id: "c1")
    connector.installer("verify") { _ in .completed }
    return connector
}

/// How the README mounts the endpoint in a web framework.
@Suite(.ends(within: .minutes(3)))
struct MountSnippetTests {
    @Test func whatTheREADMEMountsIsTheSourceThatIsCompiledHere() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let readme = try String(
            contentsOf: folder.appendingPathComponent("../../README.md").standardized, encoding: .utf8)
        let source = try String(contentsOf: folder.appendingPathComponent("MountSnippet.swift"), encoding: .utf8)
        #expect(readme.contains("```swift\n\(source)```\n"))
    }

    @Test func itAnswersACall() async {
        let body = Array(#"{"type":"installer","function":"verify","_connectorId":"c1","options":{}}"#.utf8)
        let answer = await function(headers: [HTTPRequest.Field("authorization", "Bearer T")], body: body)
        #expect(answer.status == 200)
        #expect(String(decoding: answer.body, as: UTF8.self) == #"{"success":true}"#)
        #expect(await function(headers: [], body: body).status == 401)
    }
}
