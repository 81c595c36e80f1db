import Foundation
import Processes
import SmartConnector

/// A process that drives one integration and dies at a point, or reaches the end.
struct Child: Sendable {
    let store: Store
    let layout: Layout
    let scenario: Scenario
    let integration: String
    let world: World
    let flaw: Flaw?
    /// The point at which it dies, counted from 1; 0 for never.
    var fatal = 0

    enum End: Equatable {
        case killed
        case ended(Int32)
    }

    // MARK: As the process itself

    init?(_ arguments: [String]) throws {
        guard arguments.count == 8, arguments[0] == "child", let store = Store(arguments[1]),
            let layout = Layout(rawValue: arguments[2]), let scenario = Scenario(rawValue: arguments[3]),
            let fatal = Int(arguments[6])
        else { return nil }
        self.init(
            store: store, layout: layout, scenario: scenario, integration: arguments[4],
            world: try World(folder: arguments[5]), flaw: Flaw(rawValue: arguments[7]), fatal: fatal)
    }

    init(
        store: Store, layout: Layout, scenario: Scenario, integration: String, world: World, flaw: Flaw?, fatal: Int = 0
    ) {
        self.store = store
        self.layout = layout
        self.scenario = scenario
        self.integration = integration
        self.world = world
        self.flaw = flaw
        self.fatal = fatal
    }

    /// Drives the integration, and dies if it is to.
    ///
    /// - Returns: The exit status.
    func run() async -> Int32 {
        do {
            let base = try await store.open()
            let points = PersistencePoints(world, fatal: fatal)
            let api: any IntegrationAPI
            let journal: any FlowJournal
            switch layout {
            case .together:
                let store = KillableStore(base, points, world)
                (api, journal) = (store, store)
            case .apart:
                api = KillableAPI(base, points)
                let forgetful: any FlowJournal = flaw.map { ForgetfulJournal(journal: base, flaw: $0) } ?? base
                journal = KillableJournal(forgetful, points, world)
            }
            var configuration = InstallFlow.Configuration()
            if flaw == .blindToDeath { configuration.hasEnded = { _ in false } }
            let flow = InstallFlow(
                integration: integration, connector: scenario.connector(in: world, points), api: api,
                journal: journal, configuration: configuration)
            let stop = try await scenario.drive(flow, api, journal)
            if let stop {
                world.append("it needs a person: \(stop.json)", to: .errors)
                return 1
            }
            for name in points.all { world.append(name, to: .points) }
            return 0
        } catch {
            world.append("\(error)", to: .errors)
            return 1
        }
    }

    // MARK: As seen by the process that starts it

    /// Starts the process and waits for its end.
    func start() async throws -> End {
        let process = ChildProcess()
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().path
        let command = [
            program, "child", store.text, layout.rawValue, scenario.rawValue, integration, world.folder, String(fatal),
            flaw?.rawValue ?? "none",
        ]
        guard process.start(command, output: .file(world.folder + "/output")) else {
            throw Matrix.Failure(description: "\(program) cannot be started")
        }
        let status = await process.ended() ?? -1
        return process.exitStatus.map(End.ended) ?? (status & 0x7F == SIGKILL ? .killed : .ended(status))
    }
}
