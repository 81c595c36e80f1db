import Foundation
import Limits
import Processes
import SmartConnector
import SmartConnectorSQLite
import Testing

@testable import SmartConnectorCLI

/// The examples do what their own pages say, as processes.
@Suite(.serialized, .ends(within: .minutes(3)))
struct ExampleTests {
    let harness: Harness

    init() throws { harness = try Harness() }

    private static func root(_ path: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../\(path)")
            .standardized.path
    }

    // MARK: Shops and a ledger

    private func ledger(_ arguments: String...) throws -> (status: Int32, output: String) {
        try harness.run("shop-ledger", arguments)
    }

    private func created() throws -> String {
        try ledger("create", Self.root("Examples/ShopLedger/integration.json")).output
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func document(_ id: String) throws -> JSON { try JSON(parsing: ledger("get", id, "--json").output) }

    private func installed() throws -> String {
        let id = try created()
        _ = try ledger("run", id, "--form-val", #"{"company":"Acme"}"#)
        _ = try ledger("allow", "read_orders")
        #expect(try ledger("run", id).status == 0)
        return id
    }

    /// The values of the fields of a name, shop by shop.
    private func values(_ name: String, _ id: String) throws -> [String] {
        SettingsFields(try document(id)["settings"] ?? [:]).fields(named: name).map {
            "\($0.sections[0]) \($0.value?.string ?? $0.value?.text() ?? "-")"
        }
    }

    @Test func aFormIsFilledInAndALinkIsOpenedBeforeTheInstallationIsDone() throws {
        let id = try created()
        let asked = try ledger("run", id)
        #expect(asked.status == 1 && asked.output.contains("Say which company"))
        let filled = try ledger("run", id, "--form-val", #"{"company":"Acme","region":"us"}"#)
        #expect(filled.status == 1 && filled.output.contains("allow read_orders there"))
        #expect(try ledger("status", id).output.contains("https://shop.example/authorize?app=ledger&scope=read_orders"))
        _ = try ledger("allow", "read_orders")
        #expect(try ledger("run", id).status == 0)
        #expect(try document(id)["mode"] == "settings")
        #expect(
            try ledger("world").output
                == "company: Acme (us)\nallowed: read_orders\npackages: orders-71, orders-72\n")
    }

    @Test func aSettingIsOfOneShop() throws {
        let id = try installed()
        #expect(try ledger("settings", id, "71.currency=USD").status == 0)
        #expect(try values("currency", id) == ["71 USD", "72 EUR"])
        #expect(try ledger("settings", id, "72.currency=GBP").status != 0)
        #expect(try values("currency", id) == ["71 USD", "72 EUR"])
    }

    @Test func theSecondUpdateReopensAStepAndGoesOnWhenThatIsDone() throws {
        let id = try installed()
        #expect(try ledger("settings", id, "71.currency=USD").status == 0)
        #expect(try ledger("update", id, "--to", "1.1.0").status == 0)
        #expect(try values("bookTax", id) == ["71 false", "72 false"])
        #expect(try values("currency", id) == ["71 USD", "72 EUR"])

        let stopped = try ledger("update", id, "--to", "2.0.0")
        #expect(stopped.status == 1)
        #expect(try document(id)["mode"] == "install")
        let asked = try ledger("run", id)
        #expect(asked.status == 1 && asked.output.contains("allow read_refunds there"))
        _ = try ledger("allow", "read_refunds")
        #expect(try ledger("run", id).status == 0)
        let document = try document(id)
        #expect(document["version"] == "2.0.0" && document["mode"] == "settings")
        #expect(document["updateInProgress"] == false)
        #expect(try values("currency", id) == ["71 USD", "72 EUR"])
    }

    @Test func uninstallingLeavesNothingBehindAndTakesThePermissionLast() throws {
        let id = try installed()
        let removed = try ledger("uninstall", id, "--json")
        #expect(removed.status == 0)
        let undone = try removed.output.split(separator: "\n").compactMap { line -> String? in
            let event = try JSON(parsing: String(line))
            return event["event"] == "stepCompleted" ? event["function"]?.string : nil
        }
        #expect(undone == ["removePackages", "unlinkCompany", "revokePermission"])
        #expect(try ledger("world").output == "company: none\nallowed: none\npackages: none\n")
    }

    /// Each command of the page, with what is printed under it.
    private static func session(_ path: String) throws -> [(arguments: String, output: [String])] {
        let text = try String(contentsOfFile: root(path), encoding: .utf8)
        var session: [(arguments: String, output: [String])] = []
        var isInside = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            guard line.hasPrefix("    ") else {
                isInside = false
                continue
            }
            let shown = String(line.dropFirst(4))
            if shown.hasPrefix("$ ") {
                session.append((String(shown.dropFirst(2)), []))
                isInside = true
            } else if isInside {
                session[session.count - 1].output.append(shown)
            }
        }
        return session
    }

    @Test func whatThePageOfTheLedgerShowsIsWhatIsPrinted() throws {
        let session = try Self.session("Examples/ShopLedger/README.md")
        #expect(session.count > 10)
        let id = try created()
        for (command, expected) in session.dropFirst() {
            let words = command.matches(of: #/'([^']*)'|(\S+)/#).map { String($0.1 ?? $0.2 ?? "") }
            let arguments = words.dropFirst().map { $0 == "$ID" ? id : $0 }
            let printed = try harness.run("shop-ledger", Array(arguments)).output.replacing(id, with: "6b08…")
                // What takes a while says how long.
                .replacing(#/  \(\d+\.\d s\)/#, with: "")
            #expect(printed.split(separator: "\n").map(String.init) == expected, "\(command)")
        }
    }

    /// Whoever calls the stack uses the names that the connector's record has.
    @Test func theStackAnswersToTheAuthorsOwnNames() throws {
        let (user, system) = ("user-token-1234", "system-token-1234")
        let served = try Served(harness, "shop-ledger", ["--token", user, "--system-token", system])
        let record = harness.file("record.json")
        try Data(#"{"updateFunction":"migrateShopLedger","preUninstallFunction":"planRemoval"}"#.utf8)
            .write(to: URL(fileURLWithPath: record))
        let place = ["--store", served.url, "--token", user]
        let functions = [
            "--stack", served.url, "--stack-token", system, "--connector-record", record, "--bearer-token", user,
        ]
        func run(_ arguments: String...) throws -> (status: Int32, output: String) {
            try harness.run("smartconnector", place + arguments)
        }
        let id = try run("create", Self.root("Examples/ShopLedger/integration.json")).output
            .trimmingCharacters(in: .whitespacesAndNewlines)
        _ = try ledger("allow", "read_orders")
        let installed = try harness.run(
            "smartconnector", place + functions + ["run", id, "--form-val", #"{"company":"Acme"}"#])
        #expect(installed.status == 0, "\(installed.output)")
        let removed = try harness.run("smartconnector", place + functions + ["uninstall", id, "--json"])
        #expect(removed.status == 0, "\(removed.output)")
        #expect(removed.output.contains(#""function":"preUninstall""#))
        #expect(try ledger("world").output.hasSuffix("packages: none\n"))
        _ = try served.end()
    }

    // MARK: Many at once

    @Test func aBackendThatIsKilledGoesOnWhereItWasAndMakesNothingTwice() async throws {
        let (customers, folder) = (150, harness.folder)
        let (first, output) = try harness.start("many-installations", [folder, String(customers)])
        try harness.wait(for: "begun: campaign", from: output)
        func made() -> [String] {
            let log = FileManager.default.contents(atPath: folder + "/calls.log") ?? Data()
            return String(decoding: log, as: UTF8.self).split(separator: "\n").map(String.init)
        }
        try await until { made().count > 20 }
        first.kill(SIGKILL)
        #expect(first.waitForEnd(600))
        #expect(made().count < customers * 3, "it was killed in the middle")

        // Two go on with it.
        let others = try (0..<2).map { _ in try harness.start("many-installations", [folder, "7"]) }
        for (process, pipe) in others {
            let printed = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            #expect(process.waitForEnd(600))
            #expect(process.exitStatus == 0, "\(printed)")
            #expect(printed.contains("going on with campaign"))
            #expect(printed.contains("\(customers) of \(customers) installed: finished"))
        }
        // A line for each thing: another key would have made it twice.
        let things = Set(made().map { $0.split(separator: " ").prefix(2).joined(separator: " ") })
        #expect(made().count == customers * 3 && things.count == customers * 3)
        let store = try SQLiteStore(path: folder + "/customers.sqlite")
        #expect(try await store.list().allSatisfy { $0.integration.mode == .settings })
    }
}
