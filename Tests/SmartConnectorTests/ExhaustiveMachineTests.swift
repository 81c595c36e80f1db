import Limits
import SmartConnector
import Testing

/// Walks every state that a machine of up to four steps can reach, with every outcome of every function and every
/// command at every point, and checks the invariants in each. What is legal and what is expected is worked out here
/// from the document alone.
@Suite(.ends(within: .minutes(3)))
struct ExhaustiveMachineTests {
    struct World: Sendable, CustomTestStringConvertible {
        var name: String
        var steps: [StepReference]
        var functions: Set<ConnectorFunction>

        var testDescription: String { "\(steps.count) \(name)" }
        var directory: FunctionDirectory {
            FunctionDirectory(
                functions: functions.union([.update("2.0.0"), .update("3.0.0")]), isOpen: true, unknown: [])
        }
    }

    static let worlds: [World] = (0...4).flatMap { count in
        let full = (0..<count).map { index in
            StepReference(
                index: index, name: "S\(index)", installerFunction: "make\(index)", uninstallerFunction: "drop\(index)")
        }
        let partial = full.map { step in
            StepReference(
                index: step.index, name: step.name,
                installerFunction: step.index.isMultiple(of: 2) ? nil : step.installerFunction,
                uninstallerFunction: step.index.isMultiple(of: 3) ? nil : step.uninstallerFunction)
        }
        let sharing = full.map { step in
            StepReference(
                index: step.index, name: step.name, installerFunction: step.index == 1 ? "other" : "make",
                uninstallerFunction: step.index == 2 ? "other" : "drop")
        }
        return [
            World(name: "steps", steps: full, functions: []),
            World(name: "steps that share functions", steps: sharing, functions: [.preUninstall]),
            World(name: "steps, some without functions", steps: partial, functions: []),
            World(
                name: "steps and connector-level functions", steps: full,
                functions: [.connectorInstaller, .preUninstall, .connectorUninstaller]),
        ]
    }

    /// A reached state: what is in the store and in the journal.
    struct Node: Hashable {
        let text: String
        let memory: String
    }

    @Test(arguments: worlds)
    func everyInvariantHoldsInEveryReachableState(_ world: World) throws {
        var explorer = Explorer(world: world)
        // The platform may set updateInProgress at any time, so it is where no command leads as well.
        for mode in Mode.allCases {
            for isUpdating in [nil, true] {
                let document = InstallMachineTests.document(
                    mode.rawValue, world.steps, completed: mode == .settings ? Set(world.steps.indices) : [],
                    updating: isUpdating)
                try explorer.visit(document, InstallMachine.Memory())
                // The functions of an update may reopen the installation.
                if isUpdating == true {
                    try explorer.visit(
                        document, InstallMachine.Memory(update: .init(target: "3.0.0", reached: "2.0.0")))
                }
            }
        }
        while let (document, memory) = explorer.queue.popLast() { try explorer.explore(document, memory) }
        // A walk that went nowhere would prove nothing.
        #expect(explorer.seen.count >= (1 << world.steps.count) * 3)
        #expect(explorer.actions.isSuperset(of: ["remove", "finishUpdate", "callUpdate"]))
    }

    struct Explorer {
        let world: World
        var seen: Set<Node> = []
        var queue: [(Integration, InstallMachine.Memory)] = []
        var actions: Set<String> = []

        init(world: World) {
            self.world = world
        }

        mutating func visit(_ document: Integration, _ memory: InstallMachine.Memory) throws {
            let node = Node(
                text: document.json.text(),
                memory: String(decoding: FlowRecord(memory: memory).stored, as: UTF8.self))
            if seen.insert(node).inserted { queue.append((document, memory)) }
        }

        func machine(_ document: Integration, _ memory: InstallMachine.Memory) throws -> InstallMachine {
            try InstallMachine(document, functions: world.directory, memory: memory)
        }

        /// Writes a change, checks what must hold of every write, and goes on from there.
        mutating func write(
            _ change: Change, to document: Integration, _ machine: InstallMachine, isUpdateFinished: Bool = false
        ) throws {
            var written = document
            change.apply(to: &written)
            // 2: there is no moment in which a finished installation still says install.
            if written.mode == .install, !written.steps.isEmpty {
                let isFinished = written.steps.allSatisfy(\.isCompleted)
                #expect(!isFinished)
            }
            // 6: the version moves in the write that ends the update, and never back.
            if written.version != document.version {
                #expect(isUpdateFinished)
                #expect(!written.isUpdateInProgress)
                #expect(try #require(written.version) > #require(document.version))
            }
            // Nothing but the fields of the change is touched.
            #expect(written["settings"] == document["settings"])
            #expect(written.steps.map(\.name) == document.steps.map(\.name))
            // The machine knows what it wrote.
            var fresh = try self.machine(written, machine.memory)
            var own = machine
            let (ownAction, freshAction) = (try own.next(), try fresh.next())
            #expect(ownAction == freshAction)
            #expect(own.legalCommands == fresh.legalCommands)
            try visit(written, fresh.memory)
        }

        mutating func explore(_ document: Integration, _ memory: InstallMachine.Memory) throws {
            var machine = try machine(document, memory)
            let action = try machine.next()
            try checkDecision(action, document, machine)
            checkMemory(document, machine)
            try perform(action, document, machine)
            try command(document, machine)
        }

        // MARK: Deciding

        func checkDecision(_ action: InstallMachine.Action, _ document: Integration, _ machine: InstallMachine) throws {
            let completed = document.steps.map(\.isCompleted)
            let mode = try #require(document.mode)
            switch action {
            case .callInstaller(let step), .waitForUser(let step):
                // 1 and 7
                #expect(mode == .install)
                #expect(!completed[step.index] && completed[..<step.index].allSatisfy { $0 })
                let isManual = if case .waitForUser = action { true } else { false }
                #expect((step.installerFunction == nil) == isManual)
            case .callConnectorInstaller:
                // 8
                #expect(mode == .install && completed.isEmpty && world.functions.contains(.connectorInstaller))
            case .enterSettings:
                #expect(mode == .install && completed.allSatisfy { $0 })
                #expect(!completed.isEmpty || !world.functions.contains(.connectorInstaller))
            case .callPreUninstall:
                #expect(mode == .uninstall && world.functions.contains(.preUninstall))
                #expect(machine.memory.uninstallOrder == nil)
            case .callUninstaller(let step), .clear(let step):
                // 3 and 7
                #expect(mode == .uninstall && mayExist(document, machine)[step.index])
                #expect(toBeUndone(document, machine).first == step.index)
                let hasNothingToUndo = if case .clear = action { true } else { false }
                #expect((step.uninstallerFunction == nil) == hasNothingToUndo)
            case .remove(let callingUninstaller):
                #expect(mode == .uninstall)
                #expect(toBeUndone(document, machine).isEmpty)
                #expect(callingUninstaller == world.functions.contains(.connectorUninstaller))
            case .callUpdate(let version):
                // 6
                #expect(mode == .settings && document.isUpdateInProgress)
                #expect(try version > #require(document.version))
                #expect(try version <= #require(machine.memory.update?.target))
            case .finishUpdate(let version):
                #expect(mode == .settings && document.isUpdateInProgress)
                #expect(version == machine.memory.update?.target)
            case .none:
                #expect(mode == .settings && machine.memory.update == nil)
            }
        }

        /// Of which steps something may exist.
        func mayExist(_ document: Integration, _ machine: InstallMachine) -> [Bool] {
            let touched = Set(machine.memory.touched.map(\.index))
            return document.steps.enumerated().map { $1.isCompleted || touched.contains($0) }
        }

        /// The steps that are still to be undone, in order.
        func toBeUndone(_ document: Integration, _ machine: InstallMachine) -> [Int] {
            let exists = mayExist(document, machine)
            let order: [Int]
            switch machine.memory.uninstallOrder {
            case .reverse, nil: order = exists.indices.reversed()
            case .removal: order = []
            case .steps(let listed, let leaving):
                let known = (listed + leaving).map(\.index)
                order = listed.map(\.index) + exists.indices.reversed().filter { !known.contains($0) }
            }
            return order.filter { exists[$0] }
        }

        /// Every moment: touched steps are not completed and stand in order, and what is left behind may exist.
        func checkMemory(_ document: Integration, _ machine: InstallMachine) {
            let touched = machine.memory.touched.map(\.index)
            #expect(touched == Set(touched).sorted())
            #expect(!touched.contains { document.steps[$0].isCompleted })
            let exists = mayExist(document, machine)
            let left = machine.stepsLeftBehind.map(\.index)
            #expect(left.allSatisfy { exists[$0] })
            let isUninstalling = document.mode == .uninstall
            if isUninstalling, machine.memory.uninstallOrder != nil {
                #expect(Set(left).isDisjoint(with: toBeUndone(document, machine)))
                #expect(left.count + toBeUndone(document, machine).count == exists.count { $0 })
            }
            let isDone = exists.indices.map { machine.isDone(at: $0) }
            #expect(isDone == (isUninstalling ? exists.map { !$0 } : document.steps.map(\.isCompleted)))
            #expect(machine.isReopened == (document.isUpdateInProgress && document.mode != .settings))
        }

        // MARK: Performing

        /// Every outcome of an action. A failure is none of them: nothing happens then.
        mutating func perform(_ action: InstallMachine.Action, _ document: Integration, _ machine: InstallMachine)
            throws
        {
            actions.insert(String(describing: action).prefix { $0.isLetter }.description)
            switch action {
            case .callInstaller(let step):
                for updates in stepUpdates(step) {
                    var outcome = machine
                    try write(outcome.installerReturned(step, stepsToUpdate: updates), to: document, outcome)
                }
                // With four steps these alone would be most of the walk.
                guard world.steps.count < 4 else { break }
                var doubt = machine
                doubt.installerMayHaveActed(step)
                #expect(doubt.memory.touched.contains(step))
                try write(Change(), to: document, doubt)
            case .callUninstaller(let step):
                for updates in stepUpdates(step) {
                    var outcome = machine
                    try write(outcome.uninstallerReturned(step, stepsToUpdate: updates), to: document, outcome)
                }
            case .callConnectorInstaller:
                var outcome = machine
                try write(outcome.connectorInstallerReturned(), to: document, outcome)
            case .enterSettings:
                var outcome = machine
                try write(outcome.enterSettings(), to: document, outcome)
            case .clear(let step):
                var outcome = machine
                try write(outcome.clear(step), to: document, outcome)
            case .callPreUninstall:
                let names = world.steps.map { step -> JSON in ["name": step.name.map { JSON($0) } ?? .null] }
                for order in [nil, names, Array(names.dropFirst())] {
                    var outcome = machine
                    try write(outcome.preUninstallReturned(order: order), to: document, outcome)
                }
                var removal = machine
                try write(removal.preUninstallReturned(order: nil, removing: true), to: document, removal)
                var patched = machine
                let patches: [JSON] = Array(names.prefix(1)).map { ["name": $0["name"] ?? .null, "completed": true] }
                try write(patched.preUninstallReturned(order: nil, stepsToUpdate: patches), to: document, patched)
            case .callUpdate(let version):
                var outcome = machine
                outcome.updateReturned(version)
                try write(Change(), to: document, outcome)
            case .finishUpdate(let version):
                var outcome = machine
                let change = try outcome.finishUpdate(version)
                let isNewer = document.version.map { $0 < version } ?? true
                let fields = change.edits.map(\.field.description)
                #expect(fields == (isNewer ? ["version"] : []) + ["updateInProgress"])
                try write(change, to: document, outcome, isUpdateFinished: true)
            case .remove:
                var outcome = machine
                outcome.removed()
                let next = try outcome.next()
                #expect(next == .none)
                #expect(outcome.legalCommands.isEmpty)
            case .waitForUser, .none:
                break
            }
        }

        /// What a function may say of its own step, of the first and of the last.
        func stepUpdates(_ step: StepReference) -> [[JSON]] {
            let names = Set([step, world.steps.first, world.steps.last].compactMap { $0?.name }).map { JSON($0) }
            return [[]] + names.flatMap { name in [true, false].map { [["name": name, "completed": $0]] } }
        }

        // MARK: Commanding

        mutating func command(_ document: Integration, _ machine: InstallMachine) throws {
            let legal = try expectedCommands(document)
            #expect(Set(machine.legalCommands) == legal)
            for command in IntegrationCommand.allCases {
                switch command {
                case .complete, .reset:
                    for step in world.steps {
                        try attempt(legal.contains(command), document, machine) { machine in
                            command == .reset ? try machine.reset(step) : try machine.complete(step)
                        }
                    }
                case .beginUninstall:
                    try attempt(legal.contains(command), document, machine) { try $0.beginUninstall() }
                case .cancelUninstall:
                    try attempt(legal.contains(command), document, machine) { machine in
                        let change = try machine.cancelUninstall()
                        // 4
                        let isWhole = document.steps.allSatisfy(\.isCompleted)
                        #expect(change.edits.map(\.value) == [isWhole ? "settings" : "install"])
                        return change
                    }
                case .update:
                    for target: ConnectorVersion in ["1.0.0", "2.0.0", "3.0.0"] {
                        let isNewer =
                            document.version.map { $0 < target } ?? true
                            || (document.isUpdateInProgress && document.version == target)
                        let isBehind = machine.memory.update?.reached.map { target < $0 } ?? false
                        try attempt(legal.contains(command) && isNewer && !isBehind, document, machine) {
                            try $0.beginUpdate(to: target)
                        }
                    }
                case .abortUpdate:
                    let before = InstallMachineTests.document(
                        "settings", world.steps, completed: Set(world.steps.indices))
                    for snapshot in [nil, document, before] {
                        try attempt(legal.contains(command), document, machine) { machine in
                            let change = try machine.abortUpdate(to: snapshot)
                            if snapshot == before { #expect(machine.mode == .settings) }
                            #expect(machine.memory.update == nil)
                            let last = change.edits.last
                            #expect(last?.field == .member("updateInProgress") && last?.value == false)
                            return change
                        }
                    }
                case .saveSettings:
                    // 5
                    let change = try? machine.saveSettings(["color": "blue"], in: document)
                    #expect((change != nil) == legal.contains(command))
                }
            }
        }

        func expectedCommands(_ document: Integration) throws -> Set<IntegrationCommand> {
            switch (try #require(document.mode), document.isUpdateInProgress) {
            case (.install, false): [.complete, .reset, .beginUninstall]
            case (.install, true): [.complete, .abortUpdate]
            case (.settings, false): [.saveSettings, .update, .reset, .beginUninstall]
            case (.settings, true): [.update, .abortUpdate]
            case (.uninstall, _): [.complete, .cancelUninstall]
            }
        }

        mutating func attempt(
            _ isLegal: Bool, _ document: Integration, _ machine: InstallMachine,
            _ body: (inout InstallMachine) throws -> Change
        ) throws {
            var commanded = machine
            do {
                let change = try body(&commanded)
                #expect(isLegal)
                try write(change, to: document, commanded)
            } catch is SmartConnectorError {
                #expect(!isLegal)
                #expect(commanded.legalCommands == machine.legalCommands)
            }
        }
    }
}
