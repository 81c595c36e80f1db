import Foundation
import Limits
import Testing

@testable import SmartConnector

/// Walks what a flow can come to: every effect, every fact that may come of it, every death and the process after it,
/// against a plain model of what is outside.
@Suite(.ends(within: .minutes(3)))
struct ExhaustiveFlowTests {
    static func steps(_ count: Int) -> [StepReference] {
        ["A", "B", "C"].prefix(count).enumerated().map { (index: Int, name: String) -> StepReference in
            StepReference(
                index: index, name: name, installerFunction: "make\(name)", uninstallerFunction: "drop\(name)")
        }
    }
    static let sharing = ["A", "B"].enumerated().map { (index: Int, name: String) -> StepReference in
        StepReference(index: index, name: name, installerFunction: "make", uninstallerFunction: "drop")
    }

    static let forAPerson = [
        StepReference(index: 0, name: "A", installerFunction: "makeA", uninstallerFunction: "dropA"),
        StepReference(index: 1, name: "B"),
    ]

    static func document(
        _ steps: [StepReference], _ mode: Mode = .install, settings: JSON = ["color": "red"]
    ) -> Integration {
        let json: JSON = [
            "_id": "x", "mode": JSON(mode.rawValue), "version": "1.0.0", "settings": settings,
            "install": JSON(
                steps.map { step -> JSON in
                    var json: JSON = ["completed": JSON(mode != .install), "name": JSON(step.name ?? "")]
                    json["installerFunction"] = step.installerFunction.map { JSON($0) }
                    json["uninstallerFunction"] = step.uninstallerFunction.map { JSON($0) }
                    return json
                }),
        ]
        do { return try Integration(json) } catch { preconditionFailure("an object is an integration") }
    }

    static func directory(_ functions: Set<ConnectorFunction> = []) -> FunctionDirectory {
        FunctionDirectory(
            functions: functions.union([.update("2.0.0"), .update("3.0.0")]), isOpen: true, unknown: [])
    }

    /// `SMARTCONNECTOR_WALK_TWISTS=3` walks more than ten times as many states, in minutes.
    static let twists = ProcessInfo.processInfo.environment["SMARTCONNECTOR_WALK_TWISTS"].flatMap { Int($0) }

    static let terrains: [FlowWalk.Terrain] = [false, true].flatMap { isApart in
        let some: [FlowWalk.Terrain] = [
            .init(
                name: "two steps", document: document(steps(2)), functions: directory(), inDoubt: .stop,
                twists: isApart ? 2 : 1,
                atLeast: isApart ? 4000 : 300,
                meets: isApart ? ["inDoubt", "resolved", "reset done", "cancelUninstall done"] : ["inDoubt"]),
            .init(
                name: "three steps", document: document(steps(3)), functions: directory(), twists: 1, atLeast: 550),
            .init(
                name: "steps that share functions", document: document(sharing), functions: directory([.preUninstall]),
                twists: 1, atLeast: 500),
            .init(
                name: "one step", document: document(steps(1)), functions: directory([.preUninstall]),
                twists: isApart ? 1 : 2, atLeast: isApart ? 300 : 4000,
                meets: isApart ? ["stepLeftBehind"] : ["parked", "stepLeftBehind", "overtaken"]),
            .init(
                name: "a step for a person", document: document(forAPerson), functions: directory(), twists: 1,
                atLeast: 200, meets: ["waiting", "complete done"]),
            .init(
                name: "updates", document: document(steps(1), .settings), functions: directory([.persistSettings]),
                twists: 2, usual: ["run", "update 3.0.0"], atLeast: 2000,
                meets: ["versionChanged", "reopened", "updateAborted", "saveSettings done", "parked"]),
            .init(
                name: "settings of fields",
                document: document(
                    steps(1), .settings, settings: ["sections": [["fields": [["name": "color", "value": "red"]]]]]),
                functions: directory([.persistSettings]), twists: 2, usual: ["saveSettings", "run"], atLeast: 500,
                meets: ["settingsNotSaved", "saveSettings done"]),
            .init(
                name: "functions of the connector", document: document([]),
                functions: directory([.connectorInstaller, .preUninstall, .connectorUninstaller]), twists: 2,
                atLeast: 2000),
        ]
        return some.map { terrain in
            var terrain = terrain
            terrain.isApart = isApart
            if let twists { terrain.twists = twists }
            return terrain
        }
    }

    @Test(arguments: terrains)
    func everyPromiseIsKeptInEveryState(_ terrain: FlowWalk.Terrain) {
        var walk = FlowWalk(terrain)
        let time = ContinuousClock().measure { walk.walk() }
        print(
            "\(terrain.testDescription): \(walk.visited) states, \(walk.tried) facts in \(time.components.seconds) s")
        for (promise, path) in walk.findings { Issue.record("\(promise):\n  \(path.joined(separator: "\n  "))") }
        // A walk that went nowhere would prove nothing.
        #expect(walk.visited >= terrain.atLeast)
        #expect(
            walk.met.isSuperset(of: terrain.meets.union(["removed", "modeChanged"])), "met only \(walk.met.sorted())")
    }

    /// A walk that cannot fail would prove nothing either.
    @Test(arguments: FlowWalk.PlantedFault.allCases, [false, true])
    func aFaultThatIsPlantedIsFound(_ fault: FlowWalk.PlantedFault, isApart: Bool) {
        var walk = FlowWalk(
            FlowWalk.Terrain(
                name: "planted", document: Self.document(Self.steps(2)), functions: Self.directory(), isApart: isApart,
                twists: 1, planted: fault))
        walk.walk()
        print("\(fault) \(isApart):", walk.findings.mapValues { $0.joined(separator: " / ") })
        #expect(!walk.findings.isEmpty)
    }
}
