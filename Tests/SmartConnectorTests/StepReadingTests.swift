import Limits
import Testing

@testable import SmartConnector

/// What is read of a step and written into one is the same whether the step is as it was parsed or was changed since.
@Suite(.ends(within: .minutes(3)))
struct StepReadingTests {
    /// A value that is no longer as it was parsed, and says the same.
    private func takenApart(_ json: JSON) -> JSON {
        var json = json
        if let array = json.array { return JSON(array.map(takenApart)) }
        json["extra"] = 1
        json["extra"] = nil
        return json
    }

    @Test(
        arguments: [
            #"{"name":"A","installerFunction":"makeA","uninstallerFunction":"dropA","completed":true}"#,
            #"{"name":"A","name":"B","completed":true,"completed":false}"#,
            // Of repeated members the last one counts, of whatever kind.
            #"{"name":"A","name":7,"installerFunction":"makeA","installerFunction":null,"completed":false,"completed":1}"#,
            #"{"installerFunction":"","uninstallerFunction":"","completed":"true"}"#,
            // As long, and with the same beginning.
            #"{"installerFunctiom":"makeA","uninstallerFunctiom":"dropA","nam":"A","names":"A","complete":true}"#,
            #"{"n\u0061me":"A","installer\u0046unction":"makeA","\u0063ompleted":true}"#,
            #"{}"#, #"{"name":"A long name that is stored elsewhere than in the value itself"}"#,
        ])
    func aStepIsReadAlikeHoweverItIsStored(_ text: String) throws {
        let parsed = try JSON(parsing: text)
        for json in [parsed, takenApart(parsed)] {
            let step = InstallStep(json)
            let (reference, isCompleted) = step.read(at: 3)
            #expect(
                reference
                    == StepReference(
                        index: 3, name: step.name, installerFunction: step.installerFunction,
                        uninstallerFunction: step.uninstallerFunction))
            #expect(isCompleted == step.isCompleted)
            #expect(reference == InstallStep(parsed).read(at: 3).reference)
            #expect(isCompleted == InstallStep(parsed).isCompleted)
        }
    }

    @Test(arguments: [0, 31, 32, 63, 64, 69])
    func aStepAmongManyIsCompletedAndNoOther(_ index: Int) throws {
        let steps = (0..<70).map { number -> JSON in ["name": JSON("Step \(number)"), "completed": false] }
        let before = try Integration(["name": "Many", "install": JSON(steps)])
        var expected = steps
        expected[index] = ["name": JSON("Step \(index)"), "completed": true]
        var change = Change()
        change.set(.step(index, "completed"), true)
        var after = before
        #expect(change.apply(to: &after))
        #expect(after.json == ["name": "Many", "install": JSON(expected)])
        // What others have is as it was, and what is so already is no change.
        #expect(before.json == ["name": "Many", "install": JSON(steps)])
        #expect(!change.apply(to: &after))
    }

    @Test func ofMembersOfOneNameTheLastOneIsWritten() throws {
        var change = Change()
        change.set(.step(0, "completed"), true)
        for apart in [false, true] {
            let text = #"{"install":[{"completed":false,"completed":false}]}"#
            var json = try JSON(parsing: text)
            if apart { json["install"] = try takenApart(#require(json["install"])) }
            var document = try Integration(json)
            #expect(change.apply(to: &document))
            #expect(document.json.description == #"{"install":[{"completed":false,"completed":true}]}"#)
        }
    }
}
