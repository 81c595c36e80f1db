import Limits
import SmartConnector
import SmartConnectorWire
import Testing

/// Whatever the shape of somebody else's error, its text is known.
@Suite(.ends(within: .minutes(3)))
struct ReportedErrorTests {
    @Test(arguments: [
        (#"{"errors":[{"code":"a","message":"one","field":"f"},{"message":"two"}]}"#, ["a: one (f)", "two"]),
        (#"{"errors":{"code":"a","message":"one"}}"#, ["a: one"]),
        (#"{"errors":"one"}"#, ["one"]),
        (#"{"errors":["one","two"]}"#, ["one", "two"]),
        (#"{"errors":[[{"message":"one"}],[[{"message":"two"}]]]}"#, ["one", "two"]),
        (#"{"errors":{"name":"is missing","mode":["is wrong"]}}"#, ["is missing (name)", "is wrong (mode)"]),
        (#"{"errors":{"code":"a"}}"#, ["a: "]),
        (#"[{"message":"one"},{"message":"two"}]"#, ["one", "two"]),
        (#"{"error":{"code":"a","message":"one"}}"#, ["a: one"]),
        (#"{"error":"one"}"#, ["one"]),
        (#"{"error":"invalid_grant","error_description":"one"}"#, ["invalid_grant: one"]),
        (#"{"message":"Internal server error"}"#, ["Internal server error"]),
        (#"{"Message":"one"}"#, ["one"]),
        (#"{"errorMessage":"one","errorType":"Error"}"#, ["Error: one"]),
        (#"{"errorMessage":"{\"statusCode\":422,\"errors\":[{\"code\":\"a\",\"message\":\"one\"}]}"}"#, ["a: one"]),
        (#"{"success":false,"resBody":"one","message":"two"}"#, ["one"]),
        (#"{"errors":[],"message":"one"}"#, ["one"]),
        (#"{"errors":"","message":"one"}"#, ["one"]),
        (#"{"errors":[{"code":7,"message":"one"}]}"#, ["one"]),
        (#""one""#, ["one"]), (#"{"message":"{no JSON"}"#, ["{no JSON"]),
        ("{}", []), ("[]", []), ("5", []), ("null", []), (#"{"success":true}"#, []),
    ])
    func theTextOfAnErrorIsFound(_ answer: String, _ expected: [String]) throws {
        let errors = ReportedError.errors(in: try JSON(parsing: answer)).map { error in
            (error.code.map { "\($0): " } ?? "") + (error.message ?? "") + (error.field.map { " (\($0))" } ?? "")
        }
        #expect(errors == expected)
    }

    @Test(arguments: [
        (#"{"success":false,"resBody":"Install bundle 20037 first"}"#, "Install bundle 20037 first"),
        (#"{"success":false,"resBody":"one","message":"two"}"#, "one"),
        (#"{"success":false,"resBody":"","message":"two"}"#, "two"),
        (#"{"success":false,"message":"two"}"#, "two"),
    ])
    func whyAStepIsNotDoneIsFound(_ answer: String, _ expected: String) throws {
        #expect(try StepResult(JSON(parsing: answer), of: .installer("a")).message == expected)
        #expect(try SettingsResult(JSON(parsing: answer), of: .persistSettings).message == expected)
    }

    @Test func whatIsNestedOrRepeatedWithoutEndIsBounded() throws {
        let deep = String(repeating: "[", count: 400) + #""x""# + String(repeating: "]", count: 400)
        #expect(ReportedError.errors(in: try JSON(parsing: deep)).isEmpty)
        let many = JSON(Array(repeating: ["message": "x"] as JSON, count: 10_000))
        #expect(ReportedError.errors(in: many).count == 20)
        var text: JSON = ["message": "x"]
        for _ in 0..<12 { text = ["message": JSON(text.text())] }
        #expect(ReportedError.errors(in: text).count <= 1)
    }
}
