// Steps of which something may exist: those that are completed and those that are touched.
extension InstallMachine {
    /// An installer was called for a step and did not say `success: false`: it threw, it took too long, or nobody knows
    /// what became of it. What it made until then is undone when the integration is removed.
    public mutating func installerMayHaveActed(_ step: StepReference) {
        guard let index = index(of: step) else { return }
        touch(index)
    }

    /// Whether there is nothing more to do for the step at an index, counted from 0: in uninstall mode nothing of it
    /// exists, otherwise it is completed. There is nothing to do for a step that is not there.
    public func isDone(at index: Int) -> Bool {
        guard steps.indices.contains(index) else { return true }
        switch state {
        case .installing, .installed, .updating: return isCompleted[index]
        case .uninstallBegun, .uninstalling: return !mayExist(index)
        case .removed: return true
        }
    }

    /// The steps that are not undone though something of them may exist: preUninstall left them out of its order, or
    /// had the integration removed at once. By index.
    public var stepsLeftBehind: [StepReference] {
        guard mode == .uninstall, let order = memory.uninstallOrder else { return [] }
        switch order {
        case .reverse: return []
        case .removal: return steps.indices.filter(mayExist).map { steps[$0] }
        case .steps(let listed, let leaving):
            let left = StepReference.find(listed + leaving, in: steps).dropFirst(listed.count)
            return left.compactMap { $0 }.filter(mayExist).sorted().map { steps[$0] }
        }
    }

    /// Whether something of the step at an index may exist.
    func mayExist(_ index: Int) -> Bool { isCompleted[index] || !touched.isEmpty && touched.contains(index) }

    /// The indices of the steps to be undone, in order. Steps of which preUninstall knew nothing come last.
    func order(of order: Memory.UninstallOrder) -> [Int] {
        switch order {
        case .reverse: return steps.indices.reversed()
        case .removal: return []
        case .steps(let listed, let leaving):
            let found = StepReference.find(listed + leaving, in: steps)
            let known = Set(found.compactMap { $0 })
            return found.prefix(listed.count).compactMap { $0 }
                + steps.indices.reversed().filter { !known.contains($0) }
        }
    }

    /// Something of a step that is not completed may exist.
    mutating func touch(_ index: Int) {
        guard !isCompleted[index], !touched.contains(index) else { return }
        touched.insert(index, at: touched.firstIndex { $0 > index } ?? touched.endIndex)
        rememberTouched()
        visitAgain()
    }

    /// A step is completed, or nothing of it exists any more.
    mutating func untouch(_ index: Int) {
        guard let position = touched.firstIndex(of: index) else { return }
        touched.remove(at: position)
        rememberTouched()
    }

    /// A step that was passed over may have to be undone after all.
    mutating func visitAgain() {
        if case .uninstalling(let order, _) = state { state = .uninstalling(order: order, visited: 0) }
    }

    mutating func rememberTouched() { memory.touched = touched.map { steps[$0] } }

    /// Finds the touched steps in the document as it is now. Those that are gone or completed are touched no longer.
    mutating func findTouched(and others: [Int]) {
        if touched.isEmpty, others.isEmpty, memory.touched.isEmpty { return }
        let found = StepReference.find(memory.touched, in: steps).compactMap { $0 }
        touched = Set(found + others).filter { !isCompleted[$0] }.sorted()
        let references = touched.map { steps[$0] }
        if references != memory.touched { memory.touched = references }
    }
}
