import Foundation
import Limits
import SmartConnector
import SmartConnectorSQLite
import Testing

@testable import SmartConnectorCLI

/// Whole screens, as people see them in terminals of three widths.
@Suite(.ends(within: .minutes(3)))
struct SnapshotTests {
    private static let widths = [40, 80, 120]

    @Test(arguments: Screen.allCases, widths)
    func theScreenIsAsItWas(_ screen: Screen, columns: Int) async throws {
        let harness = try Harness(screen.command)
        let id = try await screen.prepare(harness)
        var text = ""
        for line in screen.lines {
            let arguments = line.split(separator: " ").map { $0 == "ID" ? id : String($0) }
            let outcome = await harness.run(arguments, columns: columns)
            text += "$ \(screen.command.name) \(arguments.joined(separator: " "))\n"
            text += outcome.output + outcome.error
            if outcome.status != .done { text += "[exit status \(outcome.status.rawValue)]\n" }
        }
        try Snapshot(name: "\(screen.rawValue).\(columns)").expect(Self.normal(text))
    }

    @Test func thereIsNoSnapshotOfAScreenThatIsGone() throws {
        let screens = Screen.allCases.flatMap { screen in Self.widths.map { "\(screen.rawValue).\($0)" } }
        #expect(try Snapshot.all.subtracting(screens).isEmpty)
    }

    @Test(arguments: Screen.allCases)
    func nothingThatHasASpaceInItIsWiderThanTheTerminal(_ screen: Screen) async throws {
        let harness = try Harness(screen.command)
        let id = try await screen.prepare(harness)
        for line in screen.lines {
            let arguments = line.split(separator: " ").map { $0 == "ID" ? id : String($0) }
            let outcome = await harness.run(arguments, columns: 40)
            for line in (outcome.output + outcome.error).split(separator: "\n").map(String.init)
            where line.displayWidth > 40 {
                // What is too wide is one word, and perhaps the slash that stays with it.
                let words = line.split(separator: " ").filter { $0 != "/" }
                #expect(words.count == 1, "\(line)")
            }
        }
    }

    /// The text with an id and an end of a lease that are the same each time and as long, and without how long a
    /// function took, which is said only where it was slow.
    private static func normal(_ text: String) -> String {
        text.replacing(#/\b[0-9a-f]{24}\b/#, with: "0123456789abcdef01234567")
            .replacing(#/(until\s+)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/#) { "\($0.1)2026-05-28T20:28:10.000Z" }
            .replacing(#/\s+\(\d+\.\d s\)/#, with: "")
    }
}

/// A screen: what is typed, and what was done before.
enum Screen: String, CaseIterable, Sendable {
    case help, helpUpdate, helpServe, helpCampaign, helpResolve, helpOwn
    case list, status, plan, run, history, acts, troubled, errors, wide, check

    var lines: [String] {
        switch self {
        case .help: ["help"]
        case .helpUpdate: ["help update"]
        case .helpServe: ["help serve"]
        case .helpCampaign: ["help campaign", "help campaign status"]
        case .helpResolve: ["help resolve"]
        case .helpOwn: ["help greet", "--version"]
        case .list: ["list"]
        case .status: ["status ID"]
        case .plan: ["plan ID --uninstall"]
        case .run:
            [
                "run ID --simulate --fail verifyIntegratorBundleInstallation:1:no_licence", "run ID --simulate",
            ]
        case .history, .acts: ["history ID"]
        case .troubled: ["status ID", "plan ID --uninstall"]
        case .wide: ["list", "status ID", "plan ID --uninstall", "run ID --simulate"]
        case .check: ["check ID", "check ID --strict --schema"]
        case .errors:
            [
                "stauts ID", "frobnicate", "campaign", "campaign sotp", "status ID --untill 1", "status",
                "settings ID color", "run ID", "complete ID Nobody", "status 000000000000000000000000",
                "list --store sqlite:/none/at/all.sqlite", "update ID",
            ]
        }
    }

    var command: ConnectorCommand {
        switch self {
        case .helpOwn:
            ConnectorCommand("my-connector", connector: Connector(id: "c"), version: "2.1.0", commands: [Greet()])
        case .troubled, .check: ConnectorCommand("my-connector", connector: Self.incomplete)
        case .help, .helpUpdate, .helpServe, .helpCampaign, .helpResolve, .list, .status, .plan, .run, .history, .acts,
            .errors, .wide:
            ConnectorCommand("smartconnector")
        }
    }

    /// Names of two columns a character, of none, and of emoji that are one.
    private static let wideDocument = #"""
        {"name": "日本語の店 – 네트스위트 👩‍👩‍👧", "mode": "install", "version": "1.0.0", "install": [
          {"name": "接続を確認する", "completed": true, "installerFunction": "接続", "uninstallerFunction": "切断"},
          {"name": "Café ✈️ नमस्ते", "completed": false, "installerFunction": "verifyCafe", "uninstallerFunction": "deleteCafe",
           "description": "説明は長くて、狭い端末では 一行に 収まらない 文章です。", "installURL": "https://例え.example/店"},
          {"name": "주문 동기화", "completed": false, "installerFunction": "sync", "uninstallerFunction": "unsync"}]}
        """#

    /// A connector that has not all functions of the example.
    private static var incomplete: Connector {
        var connector = Connector(id: "c")
        for name in ["verifyNetSuiteConnection", "verifyBigCommerceConnection", "verifyIntegratorBundle"] {
            connector.installer(name) { _ in .completed }
        }
        for name in [
            "deleteNetSuiteConnection", "deleteBigCommerceConnection", "uninstallVerifyIntegratorBundle",
            "uninstallVerifyBigCommerceBundle",
        ] { connector.uninstaller(name) { _ in .completed } }
        return connector
    }

    /// Does what was done before, and returns the integration's id.
    func prepare(_ harness: Harness) async throws -> String {
        let id = try await harness.create(self == .wide ? Self.wideDocument : Harness.example)
        switch self {
        case .list:
            _ = await harness("run", id, "--simulate")
            _ = try await harness.create(#"{"name": "日本語の店 – NetSuite", "mode": "install", "install": []}"#)
            _ = try await harness.create(#"{"name": "Made by hand"}"#)
        case .status, .plan, .run: _ = await harness("run", id, "--simulate", "--until", "1")
        case .history: try await Self.writeHistory(of: id, in: harness)
        case .acts: try await Self.writeActs(of: id, in: harness)
        case .troubled: try await Self.writeTrouble(of: id, in: harness)
        case .help, .helpUpdate, .helpServe, .helpCampaign, .helpResolve, .helpOwn, .errors, .wide, .check: break
        }
        return id
    }

    /// What persons did, at times that are the same in every run.
    private static func writeActs(of id: String, in harness: Harness) async throws {
        let store = try SQLiteStore(path: harness.file("store.sqlite"))
        let holder = "web-1, process 4711 (2f61-4026.k3x9.1)"
        let step = StepReference(index: 1, name: "BigCommerce Connection")
        func act(_ kind: Act.Kind, _ step: StepReference?, _ outcome: String?, _ reason: String?) -> Act {
            Act(
                kind, step: step, person: "ana@example.com", holder: holder,
                date: Date(timeIntervalSince1970: 1_780_000_000.5), outcome: outcome, reason: reason)
        }
        let acts = [
            act(.complete, step, nil, "done by hand"), act(.reset, step, "install", "the token was renewed"),
            act(.beginUninstall, nil, "uninstall", nil), act(.cancelUninstall, nil, "install", "a mistake"),
            act(.unlock, nil, "web-2, process 88 (2f61-4026.p0aa.7)", "it hangs"),
        ]
        for (revision, act) in acts.enumerated() {
            try await store.write(
                JournalWrite(FlowRecord(), by: holder, after: Int64(revision), keepingLease: false, act: act), of: id)
        }
    }

    /// A call in doubt, after the flow was given up, and something that is left outside.
    private static func writeTrouble(of id: String, in harness: Harness) async throws {
        let store = try SQLiteStore(path: harness.file("store.sqlite"))
        let date = Date(timeIntervalSince1970: 1_780_000_000.5)
        let step = StepReference(
            index: 1, name: "BigCommerce Connection", installerFunction: "verifyBigCommerceConnection",
            uninstallerFunction: "deleteBigCommerceConnection")
        let function = ConnectorFunction.installer("verifyBigCommerceConnection")
        let call = FlowRecord.Call(
            function: function, step: step, idempotencyKey: "key-2", attempt: 11,
            holder: "web-2, process 88 (2f61-4026.p0aa.7)", started: date)
        let reason = "verifyBigCommerceConnection was called 11 times in a row and nobody learnt what became of it"
        let parked = FlowRecord.Parked(function: function, step: step, reason: reason, since: date)
        try await store.write(
            JournalWrite(FlowRecord(call: call, parked: parked), by: "web-2", after: 0, keepingLease: false), of: id)
        try await store.changeLedger(
            [.created(LedgerEntry(kind: "hook", id: "h-1", function: "f", created: date))], of: id)
    }

    /// What two processes did, at times that are the same in every run.
    private static func writeHistory(of id: String, in harness: Harness) async throws {
        let step = StepReference(
            index: 0, name: "NetSuite Connection", installerFunction: "verifyNetSuiteConnection",
            uninstallerFunction: "deleteNetSuiteConnection")
        let (first, second) = ("web-1, process 4711 (2f61-4026.k3x9.1)", "web-2, process 88 (2f61-4026.p0aa.7)")
        func attempt(_ number: Int, by holder: String, after seconds: Double, _ outcome: Attempt.Outcome) -> Attempt {
            let started = Date(timeIntervalSince1970: 1_780_000_000.5 + seconds)
            return Attempt(
                function: .installer("verifyNetSuiteConnection"), step: step, idempotencyKey: "key-1", number: number,
                holder: holder, started: started, ended: started.addingTimeInterval(1.25), outcome: outcome)
        }
        let refused = FunctionFailure(code: "invalid_credentials", message: "NetSuite refuses the token")
        let call = FlowRecord.Call(
            function: .installer("verifyBigCommerceConnection"), step: StepReference(index: 1), idempotencyKey: "key-2",
            holder: second, started: Date(timeIntervalSince1970: 1_780_000_060))
        let attempts = [
            attempt(1, by: first, after: 0, .failed(refused)), attempt(2, by: first, after: 8, .inDoubt),
            attempt(2, by: first, after: 20, .resolvedToRerun(reason: "there is no connection in NetSuite yet")),
            attempt(3, by: second, after: 30, .succeeded),
        ]
        try await SQLiteStore(path: harness.file("store.sqlite")).write(
            JournalWrite(FlowRecord(call: call), by: second, after: 0, attempts: attempts), of: id)
    }
}
