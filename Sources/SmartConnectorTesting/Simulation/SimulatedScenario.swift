import SmartConnector

/// What one seed is about: a connector, a document, what is done with it, and how much goes wrong.
struct SimulatedScenario {
    /// What kind of store there is.
    enum Store: String, CaseIterable {
        /// Documents without concurrency control, as integrator.io has them, and a journal elsewhere.
        case plain
        /// Documents with revisions, and a journal elsewhere.
        case revisions
        /// Documents and journal in one database.
        case transactional
    }

    /// What the person in charge wants, one after the other.
    enum Command: Equatable {
        case install
        case saveSettings(Int)
        case update(ConnectorVersion)
        case reset(Int)
        case beginAndCancelUninstall
        case uninstall
    }

    /// A step and how its functions behave.
    struct Step {
        var hasInstaller = true
        var hasUninstaller = true
        /// Its uninstaller leaves behind what its installer made.
        var leavesBehind = false
        /// Its installer says at first that it succeeded and that the step is not completed yet.
        var reopensItself = false
        /// The step that its installer completes too.
        var completes: Int?
    }

    static let versions: [ConnectorVersion] = ["1.1.0", "1.2.0", "2.0.0"]

    var store = Store.plain
    var steps: [Step] = []
    /// How many steps the connector's own installer writes; nil where there is none.
    var writtenSteps: Int?
    var hasConnectorUninstaller = false
    var hasPersistSettings = false
    /// The order that preUninstall answers with; nil where there is no such function.
    var uninstallOrder: [Int]?
    var updates: [ConnectorVersion] = []
    var policies: [ConnectorFunction: CallPolicy] = [:]
    var commands: [Command] = []
    var faults = SimulatedFaults.none
    var maximumRecoveries = 10
    /// Whether others can tell that a process has ended.
    var knowsWhoEnded = false

    /// A scenario of which nothing is decided yet.
    init() {}

    /// The scenario of a seed.
    init(seed: UInt64) {
        var generator = SimulationGenerator(seed: seed, for: 2)
        store = generator.pick(Store.allCases)
        if generator.chance(0.15) {
            writtenSteps = generator.below(4)
        } else {
            for index in 0..<(1 + generator.below(4)) { steps.append(Self.step(index, using: &generator)) }
        }
        hasConnectorUninstaller = generator.chance(0.4)
        hasPersistSettings = generator.chance(0.6)
        let count = writtenSteps ?? steps.count
        if generator.chance(0.35) { uninstallOrder = generator.order(count) }
        updates = Self.versions.filter { _ in generator.chance(0.7) }
        for function in functions { policies[function] = Self.policy(using: &generator) }
        commands = Self.commands(count, using: &generator)
        faults = .drawn(using: &generator)
        if generator.chance(0.3) { maximumRecoveries = 1 + generator.below(2) }
        knowsWhoEnded = generator.chance(0.5)
    }

    private static func step(_ index: Int, using generator: inout SimulationGenerator) -> Step {
        var step = Step()
        step.hasInstaller = generator.chance(0.85)
        step.hasUninstaller = generator.chance(0.8)
        step.leavesBehind = generator.chance(0.1)
        step.reopensItself = generator.chance(0.07)
        if generator.chance(0.1) { step.completes = index + 1 }
        return step
    }

    private static func policy(using generator: inout SimulationGenerator) -> CallPolicy {
        CallPolicy(
            timeout: .seconds(300), maximumAttempts: 1 + generator.below(3),
            inDoubt: generator.chance(0.3) ? .stop : .rerun)
    }

    private static func commands(_ steps: Int, using generator: inout SimulationGenerator) -> [Command] {
        var commands: [Command] = [.install]
        if generator.chance(0.5) { commands.append(.saveSettings(1)) }
        if generator.chance(0.6) { commands.append(.update(generator.pick(versions))) }
        if steps > 0, generator.chance(0.2) { commands += [.reset(generator.below(steps)), .install] }
        if generator.chance(0.3) { commands.append(.saveSettings(2)) }
        if generator.chance(0.2) { commands += [.beginAndCancelUninstall, .install] }
        if generator.chance(0.3) { commands.append(.update("2.0.0")) }
        if generator.chance(0.75) { commands.append(.uninstall) }
        return commands
    }

    // MARK: The connector and the document

    /// The functions that there are, in a fixed order.
    var functions: [ConnectorFunction] {
        var functions: [ConnectorFunction] = []
        for (index, step) in allSteps.enumerated() {
            if step.hasInstaller { functions.append(.installer("make\(index)")) }
            if step.hasUninstaller { functions.append(.uninstaller("drop\(index)")) }
        }
        if writtenSteps != nil { functions.append(.connectorInstaller) }
        if hasConnectorUninstaller { functions.append(.connectorUninstaller) }
        if hasPersistSettings { functions.append(.persistSettings) }
        if uninstallOrder != nil { functions.append(.preUninstall) }
        return functions + updates.map(ConnectorFunction.update)
    }

    /// The steps, those included that the connector's own installer writes.
    var allSteps: [Step] { writtenSteps.map { Array(repeating: Step(), count: $0) } ?? steps }

    /// `install` as it begins, or as the connector's own installer writes it.
    static func install(_ steps: [Step]) -> JSON {
        JSON(
            steps.enumerated().map { index, step in
                var json: JSON = ["name": JSON("Step \(index)"), "completed": false]
                if step.hasInstaller { json["installerFunction"] = JSON("make\(index)") }
                if step.hasUninstaller { json["uninstallerFunction"] = JSON("drop\(index)") }
                return json
            })
    }

    /// The document before anything happens.
    var document: Integration {
        get throws {
            try Integration([
                "_id": "sim", "name": "Simulated", "_connectorId": "c", "mode": "install", "version": "1.0.0",
                "install": Self.install(steps), "settings": ["user": [:], "kept": "as it is"],
                "others": [1, "two", .null],
            ])
        }
    }
}
