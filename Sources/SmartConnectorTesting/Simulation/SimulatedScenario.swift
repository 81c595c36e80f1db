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
        /// One attempt to come as far as this step, whatever becomes of it.
        case installInPart(until: Int)
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
        /// The earlier step whose functions it has too; nil where it has its own.
        var shares: Int?
        /// Its functions say once more that it is done, and name no more of it than the function.
        var confirmsItself = false
        /// The step in which its installer sets a member; it may be itself.
        var hints: Int?
        /// The step that its installer gives the uninstaller of this one.
        var rewires: Int?
        /// The step that its uninstaller undoes too.
        var undoes: Int?
        /// Its installer changes the document itself.
        var edits = false
    }

    /// What preUninstall answers.
    enum PreUninstall: Equatable {
        /// An order, in which steps may be missing.
        case order([Int])
        /// That it has undone this step itself.
        case patching(Int)
        /// That the integration is removed at once.
        case removing
    }

    static let versions: [ConnectorVersion] = ["1.1.0", "1.2.0", "2.0.0"]
    /// How long a function may take.
    static let timeout = Duration.seconds(300)

    /// The step that is called so, counted from 0.
    static func index(ofStep name: String) -> Int? { name.hasPrefix("Step ") ? Int(name.dropFirst(5)) : nil }

    var store = Store.plain
    var steps: [Step] = []
    /// How many steps the connector's own installer writes; nil where there is none.
    var writtenSteps: Int?
    var hasConnectorUninstaller = false
    var hasPersistSettings = false
    /// What preUninstall answers; nil where there is no such function.
    var preUninstall: PreUninstall?
    var updates: [ConnectorVersion] = []
    /// The version whose update function has a step run anew, once; nil where none does.
    var reopening: (version: ConnectorVersion, step: Int)?
    var policies: [ConnectorFunction: CallPolicy] = [:]
    var commands: [Command] = []
    var faults = SimulatedFaults.none
    var maximumRecoveries = 10
    /// Whether others can tell that a process has ended.
    var knowsWhoEnded = false
    /// Whether each process has a clock of its own, that shows another time and is too fast or too slow.
    var clocksDisagree = false

    /// A scenario of which nothing is decided yet.
    init() {}

    /// The scenario of a seed.
    init(seed: UInt64) {
        var generator = SimulationGenerator(seed: seed, for: 2)
        store = generator.pick(Store.allCases)
        if generator.chance(0.15) {
            writtenSteps = generator.below(4)
        } else {
            let count = 1 + generator.below(4)
            for index in 0..<count { steps.append(step(index, of: count, using: &generator)) }
            // Of a step that shares its functions too little can be said for it to be meant and no other.
            for index in steps.indices {
                if let other = steps[index].rewires, other != index, sharesFunctions(other) {
                    steps[index].rewires = nil
                }
            }
        }
        hasConnectorUninstaller = generator.chance(0.4)
        hasPersistSettings = generator.chance(0.6)
        let count = writtenSteps ?? steps.count
        if generator.chance(0.4) { preUninstall = Self.preUninstall(count, using: &generator) }
        updates = Self.versions.filter { _ in generator.chance(0.7) }
        if !steps.isEmpty, !updates.isEmpty, generator.chance(0.2) {
            reopening = (generator.pick(updates), generator.below(steps.count))
        }
        for function in functions { policies[function] = Self.policy(using: &generator) }
        commands = Self.commands(count, using: &generator)
        faults = .drawn(using: &generator)
        if generator.chance(0.3) { maximumRecoveries = 1 + generator.below(2) }
        knowsWhoEnded = generator.chance(0.5)
        clocksDisagree = generator.chance(0.5)
    }

    private func step(_ index: Int, of count: Int, using generator: inout SimulationGenerator) -> Step {
        var step = Step()
        step.hasInstaller = generator.chance(0.85)
        step.hasUninstaller = generator.chance(0.8)
        step.leavesBehind = generator.chance(0.1)
        step.reopensItself = generator.chance(0.07)
        if generator.chance(0.1) { step.completes = index + 1 }
        if index > 0, generator.chance(0.3) {
            let other = generator.below(index)
            step.shares = steps[other].shares ?? other
            (step.hasInstaller, step.hasUninstaller) = (steps[other].hasInstaller, steps[other].hasUninstaller)
        }
        step.confirmsItself = generator.chance(0.3)
        if generator.chance(0.25) { step.hints = generator.below(count) }
        if generator.chance(0.15) { step.rewires = generator.below(count) }
        if generator.chance(0.1) { step.undoes = generator.below(count) }
        step.edits = generator.chance(0.15)
        return step
    }

    private static func preUninstall(_ count: Int, using generator: inout SimulationGenerator) -> PreUninstall {
        let kind = generator.below(8)
        if kind == 0 { return .removing }
        if kind == 1, count > 0 { return .patching(generator.below(count)) }
        let order = generator.order(count)
        return .order(generator.chance(0.3) ? Array(order.dropLast(1 + generator.below(2))) : order)
    }

    private static func policy(using generator: inout SimulationGenerator) -> CallPolicy {
        CallPolicy(
            timeout: timeout, maximumAttempts: 1 + generator.below(3),
            inDoubt: generator.chance(0.3) ? .stop : .rerun)
    }

    private static func commands(_ steps: Int, using generator: inout SimulationGenerator) -> [Command] {
        var commands: [Command] = []
        if steps > 0, generator.chance(0.3) {
            commands.append(.installInPart(until: generator.below(steps)))
            if generator.chance(0.6) { return commands + [.uninstall] }
            if generator.chance(0.3) { commands.append(.beginAndCancelUninstall) }
        }
        commands.append(.install)
        if generator.chance(0.5) { commands.append(.saveSettings(1)) }
        if generator.chance(0.6) { commands.append(.update(generator.pick(versions))) }
        if steps > 0, generator.chance(0.3) {
            commands.append(.reset(generator.below(steps)))
            if generator.chance(0.4) { return commands + [.uninstall] }
            commands.append(.install)
        }
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
        for (index, step) in allSteps.enumerated() where step.shares == nil {
            if step.hasInstaller { functions.append(.installer("make\(index)")) }
            if step.hasUninstaller { functions.append(.uninstaller("drop\(index)")) }
        }
        if writtenSteps != nil { functions.append(.connectorInstaller) }
        if hasConnectorUninstaller { functions.append(.connectorUninstaller) }
        if hasPersistSettings { functions.append(.persistSettings) }
        if preUninstall != nil { functions.append(.preUninstall) }
        return functions + updates.map(ConnectorFunction.update)
    }

    /// The steps, those included that the connector's own installer writes.
    var allSteps: [Step] { writtenSteps.map { Array(repeating: Step(), count: $0) } ?? steps }

    /// `install` as it begins, or as the connector's own installer writes it.
    static func install(_ steps: [Step]) -> JSON {
        JSON(
            steps.enumerated().map { index, step in
                var json: JSON = ["name": JSON("Step \(index)"), "completed": false]
                if step.hasInstaller { json["installerFunction"] = JSON(step.installer(at: index)) }
                if step.hasUninstaller { json["uninstallerFunction"] = JSON(step.uninstaller(at: index)) }
                return json
            })
    }

    /// Whether another step has the functions of the one at an index.
    func sharesFunctions(_ index: Int) -> Bool {
        let steps = allSteps
        guard steps.indices.contains(index) else { return false }
        let group = steps[index].shares ?? index
        return steps.indices.contains { $0 != index && (steps[$0].shares ?? $0) == group }
    }

    /// The steps that are undone, in order: all, the last one first, where preUninstall says nothing else.
    func undoing(_ count: Int) -> [Int] {
        switch preUninstall {
        case .order(let order)?: order.filter { $0 < count }
        case .removing?: []
        case .patching?, nil: (0..<count).reversed()
        }
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

extension SimulatedScenario.Step {
    /// The name of the installer of this step, which is at an index counted from 0.
    func installer(at index: Int) -> String { "make\(shares ?? index)" }

    /// The name of the uninstaller of this step, which is at an index counted from 0.
    func uninstaller(at index: Int) -> String { "drop\(shares ?? index)" }
}
