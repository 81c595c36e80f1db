import Foundation
import Limits
import SmartConnector
import Testing

@Suite(.ends(within: .minutes(3)))
struct ConnectorVersionTests {
    @Test func isOrderedAsSemanticVersioningSays() {
        let order: [ConnectorVersion] = [
            "0.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
            "1.0.0", "1.0.1", "1.2", "1.10.0", "2",
        ]
        for (index, version) in order.enumerated() {
            #expect(order.sorted()[index] == version)
            for later in order[(index + 1)...] {
                #expect(version < later)
                #expect(!(later < version))
            }
        }
    }

    @Test func missingComponentsAreZeroAndBuildDoesNotCount() {
        let version: ConnectorVersion = "1.1"
        #expect(version == "1.1.0")
        #expect(version == "1.1.0+build.5")
        #expect(version.description == "1.1")
        #expect(Set<ConnectorVersion>(["1", "1.0", "1.0.0+x"]).count == 1)
    }

    @Test(arguments: ["", "a", "1.", ".1", "1..2", "v1", "1.-", "-1", "1.0-", "1.0-a..b", "1.٣"])
    func isRefusedWhereItIsNone(_ text: String) {
        #expect(ConnectorVersion(text) == nil)
    }
}

@Suite(.ends(within: .minutes(3)))
struct IntegrationTests {
    static let document =
        #"{"_id":"a","name":"N","mode":"install","install":[{"name":"One","completed":"yes","installerFunction":"","x":1.0}],"version":"1.0.1","rate":1e2}"#

    @Test func settingAFieldTouchesThatFieldOnly() throws {
        var integration = try Integration(JSON(parsing: Self.document))
        integration.mode = .settings
        integration[step: 0]?.isCompleted = true
        let expected = Self.document.replacingOccurrences(of: #""mode":"install""#, with: #""mode":"settings""#)
            .replacingOccurrences(of: #""yes""#, with: "true")
        #expect(integration.json.text() == expected)
    }

    @Test func onlyTrueIsCompletedAndAnEmptyFunctionIsNone() throws {
        let step = try #require(try Integration(JSON(parsing: Self.document))[step: 0])
        #expect(!step.isCompleted)
        #expect(step.installerFunction == nil)
        #expect(step.uninstallerFunction == nil)
    }

    @Test func mustBeAnObject() {
        #expect(throws: SmartConnectorError.self) { try Integration([1]) }
    }

    @Test func anIdBeginsWithItsTime() {
        let id = Integration.newID(at: Date(timeIntervalSince1970: 0x5797_4ed2))
        #expect(id.hasPrefix("57974ed2"))
        #expect(id.count == 24)
        #expect(Integration.newID() != Integration.newID())
    }
}

@Suite(.ends(within: .minutes(3)))
struct ChangeTests {
    @Test func writesOnlyItsFieldsAndSaysWhetherThatChangedAnything() throws {
        var machine = try InstallMachine(
            Integration(["mode": "install", "install": [["name": "One", "installerFunction": "a"]]]), functions: .open)
        let change = machine.installerReturned(StepReference(index: 0, name: "One", installerFunction: "a"))
        var edited = try Integration([
            "mode": "install", "mine": 1, "install": [["name": "One", "installerFunction": "a", "mine": 2]],
        ])
        #expect(change.apply(to: &edited))
        #expect(
            edited.json.text()
                == #"{"mode":"settings","mine":1,"install":[{"name":"One","installerFunction":"a","mine":2,"completed":true}]}"#
        )
        #expect(!change.apply(to: &edited))
    }

    @Test func namesTheFieldsThatAnAnswerLeftOut() throws {
        let document = try Integration(["mode": "install", "install": [["installerFunction": "a"]]])
        var machine = try InstallMachine(document, functions: .open)
        let change = machine.installerReturned(StepReference(index: 0, installerFunction: "a"))
        #expect(change.fieldsIgnored(in: document).map(\.description) == ["install[0].completed", "mode"])
    }
}
