import Foundation
import Processes
import SmartConnector

/// A process that drives one integration and dies at a point, or reaches the end.
struct Child: Sendable {
    /// Which of two processes it is that have to do with an integration at once.
    enum Part: String {
        case main, beside
    }

    /// What becomes of it.
    enum Fate: Equatable {
        case reachesTheEnd
        /// It dies at this point, counted from 1.
        case dies(Int)
        /// Something happens beside it at this point, and it goes on.
        case goesOn(Int)

        /// As a word of a command line: the point, less than 0 where it goes on.
        var number: Int {
            switch self {
            case .reachesTheEnd: 0
            case .dies(let point): point
            case .goesOn(let point): -point
            }
        }

        init(_ number: Int) {
            self = number == 0 ? .reachesTheEnd : number > 0 ? .dies(number) : .goesOn(-number)
        }

        var point: Int { abs(number) }
    }

    let store: Store
    let layout: Layout
    let scenario: Scenario
    let integration: String
    let world: World
    let flaw: Flaw?
    var part = Part.main
    var fate = Fate.reachesTheEnd

    enum End: Equatable {
        case killed
        case ended(Int32)
        /// Somebody else had the integration.
        static let refused = End.ended(75)
    }

    // MARK: As the process itself

    init?(_ arguments: [String]) throws {
        guard arguments.count == 9, arguments[0] == "child", let store = Store(arguments[1]),
            let layout = Layout(rawValue: arguments[2]), let scenario = Scenario(rawValue: arguments[3]),
            let part = Part(rawValue: arguments[6]), let number = Int(arguments[7])
        else { return nil }
        self.init(
            store: store, layout: layout, scenario: scenario, integration: arguments[4],
            world: try World(folder: arguments[5]), flaw: Flaw(rawValue: arguments[8]), part: part, fate: Fate(number))
    }

    init(
        store: Store, layout: Layout, scenario: Scenario, integration: String, world: World, flaw: Flaw?,
        part: Part = .main, fate: Fate = .reachesTheEnd
    ) {
        self.store = store
        self.layout = layout
        self.scenario = scenario
        self.integration = integration
        self.world = world
        self.flaw = flaw
        self.part = part
        self.fate = fate
    }

    /// Drives the integration, and dies if it is to.
    ///
    /// - Returns: The exit status.
    func run() async -> Int32 {
        do {
            guard let errand = part == .main ? scenario.errand : scenario.errandBeside else { return 64 }
            let points = points()
            switch try await errand.run(try await tools(points, isPush: errand.isPush)) {
            case .done:
                if part == .main { for name in points.all { world.append(name, to: .points) } }
                return 0
            case .refused where scenario.errandBeside != nil: return 75
            case .refused: world.append("somebody else has it", to: .errors)
            case .stopped(let reason): world.append(reason, to: .errors)
            }
            return 1
        } catch {
            world.append("\(error)", to: .errors)
            return 1
        }
    }

    private func points() -> PersistencePoints {
        var beside: Child?
        if scenario.errandBeside != nil, part == .main {
            beside = self
            beside?.part = .beside
            beside?.fate = .reachesTheEnd
        }
        var isSurvived = false
        if case .goesOn = fate { isSurvived = true }
        return PersistencePoints(
            world, fatal: fate.point, isSurvived: isSurvived, meanwhile: beside.map { $0.runToEnd })
    }

    private func tools(_ points: PersistencePoints, isPush: Bool) async throws -> Errand.Tools {
        let base = try await store.open()
        let api: any IntegrationAPI
        let journal: any FlowJournal
        switch layout {
        case .together:
            let store = KillableStore(base, points, world)
            (api, journal) = (store, store)
        case .apart:
            api = KillableAPI(base, points)
            if flaw == .journalOfItsOwn, isPush {
                journal = InMemoryJournal()
            } else {
                let forgetful: any FlowJournal = flaw.map { ForgetfulJournal(journal: base, flaw: $0) } ?? base
                journal = KillableJournal(forgetful, points, world)
            }
        }
        var configuration = InstallFlow.Configuration()
        if flaw == .blindToDeath { configuration.hasEnded = { _ in false } }
        return Errand.Tools(
            connector: scenario.connector(in: world, points), api: api, journal: journal, configuration: configuration,
            world: world, integration: integration)
    }

    // MARK: As seen by the process that starts it

    private func started() -> ChildProcess? {
        let process = ChildProcess()
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().path
        let command = [
            program, "child", store.text, layout.rawValue, scenario.rawValue, integration, world.folder, part.rawValue,
            String(fate.number), flaw?.rawValue ?? "none",
        ]
        return process.start(command, output: .file(world.folder + "/output")) ? process : nil
    }

    /// Starts the process and waits for its end.
    func start() async throws -> End {
        guard let process = started() else { throw Matrix.Failure(description: "the process cannot be started") }
        let status = await process.ended() ?? -1
        return process.exitStatus.map(End.ended) ?? (status & 0x7F == SIGKILL ? .killed : .ended(status))
    }

    /// Starts the process and holds this thread up until it has ended: whoever waits so stands still.
    @Sendable private func runToEnd() {
        guard let process = started(), process.waitForEnd(60), [0, 75].contains(process.exitStatus) else {
            return world.append("what was to happen beside it did not", to: .errors)
        }
    }
}

extension Errand {
    fileprivate var isPush: Bool { if case .push = self { true } else { false } }
}
