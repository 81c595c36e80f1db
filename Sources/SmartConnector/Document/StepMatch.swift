/// What is said of a step in order to name it: by an element of `stepsToUpdate`, of an order of undoing, or by a
/// ``StepReference`` to a step that may have changed since.
///
/// This is the one rule by which a step is found. Meant is the step that has the most of these three: the name, the
/// installer, the uninstaller; at least one. Steps of one connector often share functions, so that several may have as
/// much: then it is the one that was called, else one that nothing before has meant, else the first or, where an index
/// is known, the nearest.
struct StepMatch {
    private let name: String?
    private let installerFunction: String?
    private let uninstallerFunction: String?
    /// Where the step stood, if that is known: then it is also known what the step does not have.
    private let index: Int?

    /// What an element says.
    init(_ element: InstallStep) {
        (name, index) = (element.name, nil)
        (installerFunction, uninstallerFunction) = (element.installerFunction, element.uninstallerFunction)
    }

    /// What a reference says.
    init(_ reference: StepReference) {
        (name, index) = (reference.name, reference.index)
        (installerFunction, uninstallerFunction) = (reference.installerFunction, reference.uninstallerFunction)
    }

    /// The step that is meant, or nil where none has anything of what is said.
    ///
    /// - Parameters:
    ///   - steps: The steps there are.
    ///   - called: The step whose function says it.
    ///   - meant: The steps that were meant before.
    func find(in steps: [StepReference], called: Int? = nil, meant: Set<Int> = []) -> Int? {
        var best: (index: Int, rank: Rank)?
        for (candidate, step) in steps.enumerated() {
            guard let rank = rank(of: step, at: candidate, called: called, meant: meant) else { continue }
            if let best, rank <= best.rank { continue }
            best = (candidate, rank)
        }
        return best?.index
    }

    /// How well a step fits: compared part by part, the more the better.
    private typealias Rank = (equal: Int, absent: Int, called: Int, new: Int, nearness: Int)

    private func rank(of step: StepReference, at candidate: Int, called: Int?, meant: Set<Int>) -> Rank? {
        var (equal, absent, said) = (0, 0, 0)
        func compare(_ own: String?, _ other: String?) {
            guard let own else {
                if other == nil { absent += 1 }
                return
            }
            said += 1
            if let other, own.isExactly(other) { equal += 1 }
        }
        compare(name, step.name)
        compare(installerFunction, step.installerFunction)
        compare(uninstallerFunction, step.uninstallerFunction)
        guard let index else {
            // What an element leaves out it says nothing of.
            guard equal > 0 else { return nil }
            return (equal, 0, candidate == called ? 1 : 0, meant.contains(candidate) ? 0 : 1, -candidate)
        }
        // A step without name and functions is known by its place among its like alone.
        guard equal > 0 || said == 0 && absent == 3 else { return nil }
        return (
            equal, absent, candidate == called ? 1 : 0, meant.contains(candidate) ? 0 : 1, -abs(candidate - index)
        )
    }
}

extension StepReference {
    /// Whether this is the step that `other` was: the same name and the same functions. It may have moved.
    public func isExactly(_ other: StepReference) -> Bool {
        isNamed(as: other) && hasFunctions(of: other)
    }

    /// The step among `steps` that this refers to; see ``StepMatch``.
    func find(in steps: [StepReference], meant: Set<Int> = []) -> Int? {
        // Hardly ever does a step move.
        if steps.indices.contains(index), steps[index].isExactly(self), !meant.contains(index) { return index }
        return StepMatch(self).find(in: steps, meant: meant)
    }

    /// The step among `steps` with the same name and functions, the nearest where there are several.
    func findExactly(in steps: [StepReference], except meant: Set<Int> = []) -> Int? {
        if steps.indices.contains(index), steps[index].isExactly(self), !meant.contains(index) { return index }
        return steps.indices.filter { steps[$0].isExactly(self) && !meant.contains($0) }
            .min { abs($0 - index) < abs($1 - index) }
    }

    /// Where steps stand now that were there before, each at a place of its own; nil for one that is gone.
    ///
    /// Those that are as they were are found first, so that no other is taken for one of them.
    static func find(_ references: [StepReference], in steps: [StepReference]) -> [Int?] {
        var meant: Set<Int> = []
        var found = references.map { reference -> Int? in
            guard let index = reference.findExactly(in: steps, except: meant) else { return nil }
            meant.insert(index)
            return index
        }
        for (position, reference) in references.enumerated() where found[position] == nil {
            guard let index = reference.find(in: steps, meant: meant), meant.insert(index).inserted else { continue }
            found[position] = index
        }
        return found
    }
}
