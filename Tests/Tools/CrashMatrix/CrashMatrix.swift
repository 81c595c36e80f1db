import Foundation
import PostgresServer
import SmartConnector
import SmartConnectorCLI

/// Kills real processes at each of their persistence points, lets others go on, and checks what is left.
///
///     crash-matrix [--store sqlite|postgres|both] [--scenario install|…] [--layout together|apart] [--flaw …]
///     crash-matrix slow-stack [--kills 100] [--lanes 4] [--flaw forget-calls]
@main
struct CrashMatrix {
    private var stores = ["sqlite", "postgres"]
    private var scenarios = Scenario.allCases
    private var layouts = Layout.allCases
    private var flaw: Flaw?
    private var isSlowStack = false
    private var kills = 100
    private var lanes = 4

    static func main() async {
        do {
            let arguments = Array(CommandLine.arguments.dropFirst())
            if let child = try Child(arguments) { exit(await child.run()) }
            try await beAnotherProgram()
            guard let matrix = CrashMatrix(arguments) else {
                print(
                    """
                    usage: crash-matrix [--store sqlite|postgres|both] [--layout together|apart]
                                        [--scenario \(Scenario.allCases.map(\.rawValue).joined(separator: "|"))]
                                        [--flaw \(Flaw.allCases.map(\.rawValue).joined(separator: "|"))]
                           crash-matrix slow-stack [--kills N] [--lanes N] [--flaw forget-calls]
                    """)
                exit(64)
            }
            exit(try await matrix.run() ? 0 : 1)
        } catch {
            print("crash-matrix: \(error)")
            exit(2)
        }
    }

    /// Is one of the two programs that take part in the run against a slow stack, where this process was started as one.
    private static func beAnotherProgram() async throws {
        let environment = ProcessInfo.processInfo.environment
        switch environment["CRASH_MATRIX_PROGRAM"] {
        case "stack":
            let world = try SlowWorld(folder: environment["CRASH_MATRIX_WORLD"] ?? "")
            await ConnectorCommand("slow-stack", connector: world.connector).main()
        case "smartconnector": await ConnectorCommand("smartconnector").main()
        default: return
        }
    }

    private init?(_ all: [String]) {
        isSlowStack = all.first == "slow-stack"
        let arguments = Array(all.dropFirst(isSlowStack ? 1 : 0))
        let options = stride(from: 0, to: arguments.count, by: 2).map { arguments[$0] }
        let isMeant = !isSlowStack || Set(options).isSubset(of: ["--kills", "--lanes", "--flaw"])
        guard arguments.count.isMultiple(of: 2), isMeant else { return nil }
        for index in stride(from: 0, to: arguments.count, by: 2) {
            let value = arguments[index + 1]
            switch arguments[index] {
            case "--store" where value == "both": break
            case "--store" where stores.contains(value): stores = [value]
            case "--scenario":
                guard let scenario = Scenario(rawValue: value) else { return nil }
                scenarios = [scenario]
            case "--layout":
                guard let layout = Layout(rawValue: value) else { return nil }
                layouts = [layout]
            case "--flaw":
                guard let flaw = Flaw(rawValue: value), !isSlowStack || flaw == .forgetCalls else { return nil }
                self.flaw = flaw
            case "--kills" where isSlowStack:
                guard let count = Int(value), count > 0 else { return nil }
                kills = count
            case "--lanes" where isSlowStack:
                guard let count = Int(value), count > 0 else { return nil }
                lanes = count
            default: return nil
            }
        }
    }

    /// The kinds of point at each of which somebody has to die in a whole matrix.
    private static let points = [
        "before the effect of makeA", "after the effect of dropB", "after journalling: makeA has returned",
        "after PUT, journalling: makeA is settled, makeB begins", "before taking over the lease",
        "after the ledger", "before DELETE", "after journalling: update 1.2.0 is settled",
        "before the effect of persistSettings", "before the effect of preUninstall",
        "before journalling: makeB has failed, the end", "not before journalling: update 1.2.0 begins",
        "not before journalling: persistSettings is settled, settings are accepted",
    ]

    /// Prints the table.
    ///
    /// - Returns: Whether all was as it should be.
    private func run() async throws -> Bool {
        let folder = "\(Self.temporaryFolder)/crash-matrix-\(UUID().uuidString)"
        let isRight =
            if isSlowStack {
                try await SlowStack.run(kills: kills, lanes: lanes, flaw: flaw, in: folder)
            } else {
                try await runMatrix(in: folder)
            }
        if isRight || flaw != nil {
            try? FileManager.default.removeItem(atPath: folder)
        } else {
            print("what is left: \(folder)")
        }
        return isRight
    }

    private func runMatrix(in folder: String) async throws -> Bool {
        let start = ContinuousClock.now
        var (count, failures) = (0, 0)
        var missed = Set(scenarios == Scenario.allCases && layouts == Layout.allCases ? Self.points : [])
        for name in stores {
            let server = name == "postgres" ? try await PostgresServer.started() : nil
            let place = if let server { try await database(of: server) } else { Matrix.Place.sqlite }
            let matrix = Matrix(place: place, folder: folder, flaw: flaw, width: 3)
            for layout in layouts {
                for scenario in scenarios {
                    for row in try await matrix.rows(scenario, layout) {
                        count += 1
                        if !row.complaints.isEmpty { failures += 1 }
                        let line = Self.line(row, "\(name) \(layout.rawValue)", scenario)
                        missed = missed.filter { !line.contains($0) }
                        print(line)
                    }
                }
            }
            await server?.close()
        }
        for point in missed.sorted() { print("FAILED: nobody died \(point)") }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        print(
            "\(count) runs, \(failures) of them not as they should be, \(seconds.formatted(.number.precision(.fractionLength(1)))) s"
        )
        return failures == 0 && missed.isEmpty
    }

    /// In memory where there is such a folder: a process that is killed takes nothing with it that was written, and
    /// there is nothing to wait for.
    private static var temporaryFolder: String {
        let memory = "/dev/shm"
        return FileManager.default.isWritableFile(atPath: memory) ? memory : NSTemporaryDirectory()
    }

    private func database(of server: PostgresServer) async throws -> Matrix.Place {
        let database = server.connectionString(database: try await server.createDatabase())
        return .postgres(database, try await Store.postgres(database).open(connections: 4))
    }

    private static func line(_ row: Matrix.Row, _ store: String, _ scenario: Scenario) -> String {
        let columns = [
            (store, 17), (scenario.rawValue, 18), (row.deaths.joined(separator: "; then "), 110), (row.calls, 50),
            (row.objects.isEmpty ? "nothing" : row.objects.joined(separator: ", "), 40),
            (row.isDocumentAsExpected ? "document ok" : "DOCUMENT DIFFERS", 11),
        ]
        let text = columns.map { text, width in
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        let complaints = row.complaints.map { "\n    FAILED: \($0)" }
        return text.joined(separator: " | ") + complaints.joined()
    }
}
