import Foundation
import SmartConnector
import Testing

/// Versions that cannot be read or are not known, and updates that reopen the installation.
extension InstallMachineTests {
    private typealias Memory = InstallMachine.Memory

    private static func code(_ body: () throws -> some Sendable) -> SmartConnectorError.Code? {
        #expect(throws: SmartConnectorError.self) { _ = try body() }?.code
    }

    private static func written(_ version: JSON, updating: Bool? = nil) throws -> Integration {
        var json = updatable(updating: updating).json
        json["version"] = version
        return try Integration(json)
    }

    // MARK: Versions that cannot be read

    static let unreadable: [JSON] = [
        2, "latest", "", " ", ["major": 2], [2], true, "99999999999999999999.0.0", "v", "1.0.0 beta",
    ]

    @Test(arguments: unreadable)
    func aVersionThatCannotBeReadIsNotTakenForNone(_ version: JSON) throws {
        let document = try Self.written(version)
        #expect(document.installedVersion == .unreadable(version.text()))
        #expect(document.version == nil)
        var machine = try Self.machine(document, Self.updates)
        #expect(Self.code { try machine.beginUpdate(to: "2.0.0") } == .unreadableVersion)
        #expect(Self.code { try machine.plan(.update(to: "2.0.0")) } == .unreadableVersion)
        let memory = Memory(update: .init(target: "2.0.0", reached: "1.1.0"))
        var updating = try Self.machine(try Self.written(version, updating: true), Self.updates, memory: memory)
        #expect(Self.code { try updating.next() } == .unreadableVersion)
        #expect(Self.code { try updating.finishUpdate("2.0.0") } == .unreadableVersion)
        #expect(updating.memory == memory)
        #expect(Self.edits(try updating.abortUpdate(to: nil)) == ["updateInProgress = false"])
    }

    @Test(arguments: ["v2.0.0", "2.0.0 ", " 2.0", "V2.0.0\n", "v2"])
    func blanksAndALeadingVDoNoHarm(_ text: String) throws {
        let document = try Self.written(JSON(text))
        #expect(document.installedVersion == .version("2.0.0"))
        var machine = try Self.machine(document, Self.updates)
        #expect(Self.code { try machine.beginUpdate(to: "1.1.0") } == .versionNotNewer)
        #expect(Self.code { try machine.beginUpdate(to: "2.0.0") } == .versionNotNewer)
    }

    @Test func nullAndNothingAreNoVersion() throws {
        #expect(try Self.written(.null).installedVersion == .none)
        #expect(Self.document(version: nil).installedVersion == .none)
        var machine = try Self.machine(try Self.written(.null), Self.updates)
        _ = try machine.beginUpdate(to: "1.1.0")
        #expect(try machine.next() == .callUpdate("0.9.0"))
    }

    @Test(arguments: unreadable)
    func noCampaignIsAboutAVersionThatCannotBeRead(_ version: JSON) throws {
        let campaign = Campaign(
            id: "1", connector: "c", target: "2.0.0", stopAfterFailures: nil, state: .running, created: .distantPast)
        var document = try Self.written(version)
        document["_connectorId"] = "c"
        #expect(!campaign.concerns(document))
        document["version"] = "v1.9"
        #expect(campaign.concerns(document))
        document["version"] = nil
        #expect(campaign.concerns(document))
    }

    // MARK: Targets

    @Test func aTargetThatTheConnectorDoesNotKnowIsRefusedWithThoseItKnows() throws {
        var machine = try Self.machine(Self.updatable(), Self.updates)
        let error = #expect(throws: SmartConnectorError.self) { try machine.beginUpdate(to: "11.0.0") }
        #expect(error?.code == .unknownVersion)
        #expect(
            error?.message
                == "the connector has no version 11.0.0; it knows 6 versions, among them 1.0.5, 1.1.0, 1.2.0, 1.10.0, 2.0.0"
        )
        #expect(machine.memory.isEmpty)
        #expect(try machine.next() == .none)
        var none = try Self.machine(Self.updatable(), FunctionDirectory(functions: []))
        let other = #expect(throws: SmartConnectorError.self) { try none.beginUpdate(to: "2.0.0") }
        #expect(other?.message == "the connector has no version 2.0.0; it knows none")
    }

    @Test func aReleaseWithoutWorkIsATarget() throws {
        var connector = Connector(id: "c")
        connector.update(to: "1.1") { _ in }
        connector.update(to: "1.2.0")
        #expect(connector.functions.versions == ["1.1.0", "1.2"])
        var machine = try Self.machine(Self.updatable(), connector.functions)
        #expect(try machine.plan(.update(to: "1.2")) == [.callUpdate("1.1"), .finishUpdate("1.2")])
        _ = try machine.beginUpdate(to: "1.1.0")
        #expect(try machine.next() == .callUpdate("1.1.0"))
    }

    @Test func anOpenDirectoryKnowsEveryTarget() throws {
        var machine = try Self.machine(Self.updatable())
        _ = try machine.beginUpdate(to: "11.0.0")
        #expect(try machine.next() == .callUpdate("11.0.0"))
    }

    @Test func anUpdateInProgressGoesOnToItsOwnTarget() throws {
        let memory = Memory(update: .init(target: "7.0.0", reached: "1.1.0"))
        var machine = try Self.machine(Self.updatable(updating: true), Self.updates, memory: memory)
        _ = try machine.beginUpdate(to: "7.0")
        #expect(try machine.next() == .callUpdate("1.2.0"))
        #expect(Self.code { try machine.beginUpdate(to: "8.0.0") } == .unknownVersion)
    }

    // MARK: An update that reopens the installation

    private static let before = document("settings", completed: [0, 1, 2])
    private static let reached = Memory(update: .init(target: "1.2.0", reached: "1.1.0"))
    private static let withSteps = FunctionDirectory(
        functions: [.update("1.1.0"), .update("1.2.0"), .update("2.0.0")], isOpen: true)

    @Test func anUpdateThatReopensTheInstallationGoesOnBehindIt() throws {
        var machine = try Self.machine(Self.before, Self.withSteps)
        _ = try machine.beginUpdate(to: "1.2.0")
        machine.updateReturned("1.1.0")
        #expect(!machine.isReopened)
        try machine.documentRead(Self.document("install", completed: [0, 2], updating: true))
        #expect(machine.isReopened)
        #expect(machine.memory.update == Self.reached.update)
        #expect(try machine.next() == .callInstaller(Self.b))
        #expect(Self.edits(machine.installerReturned(Self.b)).last == "mode = \"settings\"")
        #expect(try machine.next() == .callUpdate("1.2.0"))
        machine.updateReturned("1.2.0")
        #expect(Self.edits(try machine.finishUpdate("1.2.0")) == ["version = \"1.2.0\"", "updateInProgress = false"])
        #expect(machine.memory.isEmpty)
    }

    @Test func whatIsLegalInAReopenedInstallation() throws {
        var machine = try Self.machine(
            Self.document("install", completed: [0, 2], updating: true), Self.withSteps, memory: Self.reached)
        #expect(machine.legalCommands == [.complete, .abortUpdate])
        let error = #expect(throws: SmartConnectorError.self) { try machine.beginUpdate(to: "2.0.0") }
        #expect(
            error?.message
                == "update is not allowed: a managed update has reopened the installation; run that first, then the update goes on; allowed: complete, abortUpdate"
        )
        #expect(Self.edits(try machine.complete(Self.b)).last == "mode = \"settings\"")
        #expect(machine.memory.update == Self.reached.update)
    }

    @Test func givingUpAReopenedUpdateRestoresWhatWasBefore() throws {
        var machine = try Self.machine(
            Self.document("install", completed: [0, 2], updating: true), Self.withSteps, memory: Self.reached)
        let change = try machine.abortUpdate(to: Self.before)
        #expect(
            change.edits.map(\.field.description) == ["settings", "install", "mode", "updateInProgress"])
        #expect(machine.mode == .settings)
        #expect(machine.memory.isEmpty)
        #expect(try machine.next() == .none)
        var document = Self.document("install", completed: [0, 2], updating: true)
        change.apply(to: &document)
        #expect(document.mode == .settings && document.steps.allSatisfy(\.isCompleted))
    }

    @Test func givingUpGoesToSettingsOnlyIfEveryStepIsCompleted() throws {
        var machine = try Self.machine(
            Self.document("install", completed: [0], updating: true), Self.withSteps, memory: Self.reached)
        let change = try machine.abortUpdate(to: Self.document("settings", completed: [0, 1]))
        #expect(!change.edits.contains { $0.field == .member("mode") })
        #expect(try machine.next() == .callInstaller(Self.c))
    }

    @Test func membersThatWereNotThereBeforeAreGoneAgain() throws {
        let before = try Integration(["_id": "x", "mode": "settings", "version": "1.0.0"])
        var document = Self.document("settings", [], updating: true)
        var machine = try Self.machine(document, Self.updates, memory: Self.reached)
        let change = try machine.abortUpdate(to: before)
        #expect(
            Self.edits(change) == ["settings = gone", "install = gone", "updateInProgress = false"])
        #expect(change.fieldsIgnored(in: document).map(\.description) == ["settings", "install", "updateInProgress"])
        #expect(change.apply(to: &document))
        #expect(document["settings"] == nil && document["install"] == nil)
        #expect(change.fieldsIgnored(in: document).isEmpty)
        #expect(!change.apply(to: &document))
    }

    @Test(arguments: [Mode.install, .settings, .uninstall])
    func whatAnUpdateRemembersIsForgottenWhenItIsReleased(_ mode: Mode) throws {
        let steps: Set = mode == .install ? [0, 1] : [0, 1, 2]
        func memory(updating: Bool) throws -> Memory {
            let document = Self.document(mode.rawValue, completed: steps, updating: updating)
            return try Self.machine(document, Self.withSteps, memory: Self.reached).memory
        }
        #expect(try memory(updating: true) == Self.reached)
        #expect(try memory(updating: false).isEmpty)
    }

    // MARK: What nobody knows

    @Test func withoutStepsNothingIsTakenForDoneThatNobodyKnows() throws {
        let unknown = FunctionDirectory(functions: [], unknown: [.connectorInstaller])
        for functions in [FunctionDirectory.open, unknown] {
            var machine = try Self.machine(Self.document("install", []), functions)
            #expect(Self.code { try machine.next() } == .unknownInstaller)
            // Looking works all the same.
            #expect(try machine.plan(.continue) == [.callConnectorInstaller])
            #expect(machine.isInstallerUnknown)
            #expect(try machine.plan(.uninstall) == [.remove(callingUninstaller: false)])
        }
        var known = try Self.machine(
            Self.document("install", []), FunctionDirectory(functions: [], isOpen: true, unknown: []))
        #expect(try known.next() == .enterSettings)
        #expect(!FunctionDirectory(functions: [.connectorInstaller], isOpen: true).isUnknown(.connectorInstaller))
    }

    @Test(arguments: ["installSteps", "uninstallSteps", "changeEditionSteps"])
    func aDocumentOfTheSecondGenerationIsRefusedAndNoEmptyInstallation(_ list: String) throws {
        var document = Self.document("install", [])
        document[list] = [["name": "Prepare", "type": "hidden", "completed": false]]
        let error = #expect(throws: SmartConnectorError.self) { try Self.machine(document) }
        #expect(error?.code == .secondGeneration)
        #expect(error?.message.contains("steps in \(list)") == true)
        document["mode"] = nil
        #expect(Self.code { try Self.machine(document) } == .secondGeneration)
    }

    @Test func emptyListsOfTheSecondGenerationDoNoHarm() throws {
        var document = Self.document()
        for list in ["installSteps", "uninstallSteps", "changeEditionSteps"] { document[list] = [] }
        var machine = try Self.machine(document)
        #expect(try machine.next() == .callInstaller(Self.a))
    }

    // MARK: Missing functions

    @Test func aPlanIsMadeWithFunctionsMissingAndTheyAreNamed() throws {
        let functions = FunctionDirectory(functions: [.installer("makeA"), .uninstaller("dropA")])
        var machine = try Self.machine(Self.document("install", [Self.a, Self.b], completed: [0]), functions)
        #expect(try machine.plan(.continue) == [.callInstaller(Self.b)])
        #expect(try machine.plan(.uninstall).count == 2)
        #expect(machine.missingFunctions == [.installer("makeB"), .uninstaller("dropB")])
        #expect(Self.code { try machine.next() } == .missingFunctions)
    }

    @Test func aFunctionThatAFunctionPutsIntoAStepIsMissedBeforeAnythingRuns() throws {
        let functions = FunctionDirectory(
            functions: Set(
                [Self.a, Self.b].flatMap { step in
                    [.installer(step.installerFunction ?? ""), .uninstaller(step.uninstallerFunction ?? "")]
                }))
        var machine = try Self.machine(Self.document("install", [Self.a, Self.b]), functions)
        _ = machine.installerReturned(Self.a, stepsToUpdate: [["name": "B", "installerFunction": "nobody"]])
        let error = #expect(throws: SmartConnectorError.self) { try machine.next() }
        #expect(error?.functions == [.installer("nobody")])
        try machine.documentRead(Self.document("install", [Self.a, Self.b], completed: [0]))
        #expect(try machine.next() == .callInstaller(Self.b))
    }
}
