/// Decides what is to be done next with an integration, and what is to be written when it was done.
///
/// A value without clock, input or output: it is told facts (a document was read, a function returned) and answers
/// with an ``Action`` and with the ``Change`` that belongs in the document. Copying it is how a plan is made and how a
/// write is tried again. A function that failed is no event: nothing has happened that the document should say.
///
/// ```swift
/// var machine = try InstallMachine(integration, functions: connector.functions)
/// while case .callInstaller(let step) = try machine.next() {
///     print(machine.installerReturned(step))  // a Change: [install[0].completed: true]
/// }
/// ```
public struct InstallMachine: Sendable {
    enum State: Sendable {
        /// `next` is the first step that is not completed, `open` how many are not.
        case installing(next: Int, open: Int)
        case installed
        /// The versions whose functions are still to be called.
        case updating(target: ConnectorVersion, queue: ArraySlice<ConnectorVersion>)
        /// preUninstall has not answered.
        case uninstallBegun
        /// The steps to be undone, and how many of them have been visited.
        case uninstalling(order: [Int], visited: Int)
        case removed
    }

    let functions: FunctionDirectory
    /// What is to be journalled.
    public internal(set) var memory: Memory
    var state = State.installed
    var steps: [StepReference] = []
    /// Which of the steps are completed.
    var isCompleted: [Bool] = []
    /// The indices of the steps that ``Memory/touched`` names, in order.
    var touched: [Int] = []
    /// The elements of `install` that the steps were read from.
    private var elements = JSON.Elements([])
    /// Whether steps are no longer as they were read.
    var hasChangedSteps = false
    /// Whether other members of steps than `completed` are no longer as they were read.
    var hasMergedSteps = false
    /// Whether the steps name a function that the connector lacks.
    var lacksFunctions = false
    var isUpdateInProgress = false
    /// The version whose update function is the last that was called for the update under way, whatever came of it.
    var calledUpdate: ConnectorVersion?
    /// The document's `version`.
    var writtenVersion: JSON?

    /// A machine for a document that was read.
    ///
    /// - Parameters:
    ///   - integration: The document.
    ///   - functions: What the connector can do.
    ///   - memory: What was journalled for this integration.
    /// - Throws: ``SmartConnectorError`` where the document is no SmartConnector, its mode is unknown, or its `install`
    ///   no array of steps.
    public init(
        _ integration: Integration, functions: FunctionDirectory, memory: Memory = Memory()
    ) throws(SmartConnectorError) {
        self.functions = functions
        self.memory = memory
        try documentRead(integration)
    }

    // MARK: Reading

    /// The document was read again: others may have changed it.
    ///
    /// - Throws: ``SmartConnectorError`` as on creation; the machine is then as it was.
    public mutating func documentRead(_ integration: Integration) throws(SmartConnectorError) {
        if case .removed = state { return }
        let mode = try integration.checkedMode()
        readSteps(try integration.checkedInstall(), isUninstalling: mode == .uninstall)
        isUpdateInProgress = integration.isUpdateInProgress
        writtenVersion = integration["version"]
        enter(mode)
    }

    /// The change that this machine answered with was written, and this is the document now: there is nothing in it
    /// that is not known, unless functions have changed steps.
    mutating func documentWritten(_ integration: Integration) throws(SmartConnectorError) {
        guard !hasMergedSteps, let written = integration["install"]?.elements, written.count == steps.count else {
            return try documentRead(integration)
        }
        elements = written
        hasChangedSteps = false
    }

    /// Reads the steps that differ from what was read last.
    ///
    /// A step that was completed and is not any more, with no uninstaller having been called, was reset by somebody
    /// else: something of it may exist.
    mutating func readSteps(_ new: JSON.Elements, isUninstalling: Bool) {
        let old = elements
        elements = new
        var reset: [Int] = []
        if !elements.isIdentical(to: old) || hasChangedSteps {
            if steps.count > elements.count {
                steps.removeLast(steps.count - elements.count)
                isCompleted.removeLast(isCompleted.count - elements.count)
            }
            steps.reserveCapacity(elements.count)
            isCompleted.reserveCapacity(elements.count)
            var isNew = false
            // Where steps were changed that are not in the document yet, all of them are read.
            let known = hasChangedSteps ? JSON.Elements([]) : old
            for index in elements.indices(differingFrom: known).joined() {
                if index < steps.count {
                    if index < known.count, elements[index].isIdentical(to: known[index]) { continue }
                    let (step, isNowCompleted) = InstallStep(elements[index]).read(at: index)
                    let wasCompleted = isCompleted[index]
                    isCompleted[index] = isNowCompleted
                    if step == steps[index] {
                        if wasCompleted, !isCompleted[index], !isUninstalling { reset.append(index) }
                        continue
                    }
                    steps[index] = step
                } else {
                    let (step, isCompleted) = InstallStep(elements[index]).read(at: index)
                    steps.append(step)
                    self.isCompleted.append(isCompleted)
                }
                isNew = true
            }
            precondition(steps.count == isCompleted.count, "of each step it is known whether it is completed")
            (hasChangedSteps, hasMergedSteps) = (false, false)
            if isNew { lacksFunctions = lacksFunctions(of: steps) }
        }
        findTouched(and: reset)
    }

    /// Whether steps name a function that the connector lacks.
    func lacksFunctions(of steps: [StepReference]) -> Bool {
        steps.contains { [functions] step in
            if let name = step.installerFunction, !functions.contains(.installer(name)) { return true }
            if let name = step.uninstallerFunction, !functions.contains(.uninstaller(name)) { return true }
            return false
        }
    }

    private func namedFunctions(_ step: StepReference) -> [ConnectorFunction] {
        [
            step.installerFunction.map(ConnectorFunction.installer),
            step.uninstallerFunction.map(ConnectorFunction.uninstaller),
        ].compactMap { $0 }
    }

    /// Takes up the work of a mode from the steps as they are.
    mutating func enter(_ mode: Mode) {
        if !memory.isEmpty {
            if mode != .uninstall { memory.uninstallOrder = nil }
            if !isUpdateInProgress { memory.update = nil }
        }
        switch mode {
        case .install:
            state = .installing(
                next: isCompleted.firstIndex(of: false) ?? steps.count, open: isCompleted.count { !$0 })
        case .settings:
            if let update = memory.update {
                state = .updating(target: update.target, queue: queue(for: update)[...])
            } else {
                state = .installed
            }
        case .uninstall:
            if memory.uninstallOrder == nil, functions.contains(.preUninstall) {
                state = .uninstallBegun
            } else {
                state = .uninstalling(order: order(of: memory.uninstallOrder ?? .reverse), visited: 0)
            }
        }
    }

    private func queue(for update: Memory.Update) -> [ConnectorVersion] {
        let reached = update.reached.map { reached in version.map { max($0, reached) } ?? reached }
        return functions.updates(after: reached ?? version, through: update.target)
    }

    /// The element of `install` at an index, as it was read.
    func step(at index: Int) -> InstallStep? {
        elements.indices.contains(index) ? InstallStep(elements[index]) : nil
    }

    /// The step that a function is called for by name: the first that is still to be done, else the first at all.
    package func step(calling function: ConnectorFunction) -> StepReference? {
        let calling = steps.filter { namedFunctions($0).contains(function) }
        if case .uninstaller = function { return calling.last { isCompleted[$0.index] } ?? calling.last }
        return calling.first { !isCompleted[$0.index] } ?? calling.first
    }

    /// The element of `install` that a step refers to, as it was read.
    package func element(of step: StepReference) -> InstallStep? { index(of: step).flatMap { self.step(at: $0) } }

    /// Where a step stands now, or nil where it is gone. A step that has changed is found by what is left of it.
    @inline(__always)
    public func index(of step: StepReference) -> Int? {
        if step.index < steps.count, step.isIdentical(to: steps[step.index]) { return step.index }
        return step.find(in: steps)
    }

    /// Where the very step stands now that this one was: with the same name and functions, the nearest where several
    /// are alike. Nil where it is gone or has changed.
    ///
    /// An idempotency key belongs to a step in this sense, so that it never passes to another.
    public func indexOfExactly(_ step: StepReference) -> Int? {
        step.findExactly(in: steps)
    }

    /// The installed version, or nil where there is none or it is no version.
    var version: ConnectorVersion? { Integration.InstalledVersion(writtenVersion).readable }

    /// Whether the installed version is this one or a newer one.
    func hasReached(_ version: ConnectorVersion) -> Bool { self.version.map { $0 >= version } ?? false }

    /// Throws where the document's version is none: whether another is newer, nobody can say then.
    func checkVersion() throws(SmartConnectorError) {
        guard case .unreadable(let text) = Integration.InstalledVersion(writtenVersion) else { return }
        throw SmartConnectorError(
            .unreadableVersion,
            "the document's version is \(text), which is no version such as 1.2.0, so that nobody can say what is newer; write the installed version there first"
        )
    }

    // MARK: Asking

    /// The mode, or nil once the integration is gone.
    public var mode: Mode? {
        switch state {
        case .installing: .install
        case .installed, .updating: .settings
        case .uninstallBegun, .uninstalling: .uninstall
        case .removed: nil
        }
    }

    /// Whether a managed update is in progress while the integration is not installed: a function of the update has
    /// reopened the installation. The steps are installed first, then the update goes on.
    public var isReopened: Bool {
        guard let mode else { return false }
        return isUpdateInProgress && mode != .settings
    }

    /// Every function that the document names and the connector lacks.
    public var missingFunctions: [ConnectorFunction] {
        var seen: Set<ConnectorFunction> = []
        return steps.flatMap(namedFunctions).filter { !functions.contains($0) && seen.insert($0).inserted }
    }

    /// Whether there are no steps, and nobody knows whether the connector has an installer of its own that writes them.
    /// Then nobody can say that anything is installed.
    public var isInstallerUnknown: Bool {
        mode == .install && steps.isEmpty && functions.isUnknown(.connectorInstaller)
    }

    /// What is to be done now. Asking changes nothing that can be seen from outside.
    ///
    /// - Throws: ``SmartConnectorError/Code/missingFunctions`` with all ``missingFunctions`` where there is something
    ///   to do and the connector lacks any function that the document names;
    ///   ``SmartConnectorError/Code/unknownInstaller`` where there are no steps and nobody knows whether the connector
    ///   would write some; ``SmartConnectorError/Code/unreadableVersion`` in an update.
    public mutating func next() throws(SmartConnectorError) -> Action {
        let action = try decide()
        if case .none = action { return action }
        if lacksFunctions { try checkFunctions() }
        return action
    }

    /// Throws where an installation without steps would be taken for done though nobody knows that.
    package func checkInstaller() throws(SmartConnectorError) {
        guard isInstallerUnknown else { return }
        throw SmartConnectorError(
            .unknownInstaller,
            "there are no steps, and nobody knows whether the connector has an installer of its own that writes them; run it with the connector's own functions, or write the steps into the document; nothing was called"
        )
    }

    /// Throws where the document names a function that the connector lacks.
    func checkFunctions() throws(SmartConnectorError) {
        guard lacksFunctions else { return }
        let missing = missingFunctions
        // A function may have changed the step that named what is missing.
        guard !missing.isEmpty else { return }
        let names = missing.map { "\($0.kind) \($0.name)" }.joined(separator: ", ")
        throw SmartConnectorError(
            .missingFunctions,
            "the connector lacks functions that the document names: \(names); nothing was called", functions: missing)
    }

    /// What is to be done now, whether or not the functions for it are there.
    mutating func decide() throws(SmartConnectorError) -> Action {
        switch state {
        case .installing(let next, _):
            if steps.isEmpty {
                if functions.contains(.connectorInstaller) { return .callConnectorInstaller }
                try checkInstaller()
            }
            guard next < steps.count else { return .enterSettings }
            let step = steps[next]
            return step.installerFunction == nil ? .waitForUser(step) : .callInstaller(step)
        case .installed, .removed:
            return .none
        case .updating(let target, let queue):
            try checkVersion()
            return queue.first.map(Action.callUpdate) ?? .finishUpdate(target)
        case .uninstallBegun:
            return .callPreUninstall
        case .uninstalling(let order, var visited):
            while visited < order.count, !mayExist(order[visited]) { visited += 1 }
            state = .uninstalling(order: order, visited: visited)
            guard visited < order.count else {
                return .remove(callingUninstaller: functions.contains(.connectorUninstaller))
            }
            let step = steps[order[visited]]
            return step.uninstallerFunction == nil ? .clear(step) : .callUninstaller(step)
        }
    }
}
