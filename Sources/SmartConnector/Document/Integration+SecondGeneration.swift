extension Integration {
    /// A list of steps of the platform's second generation.
    public struct SecondGenerationSteps: Sendable, Equatable {
        /// The member of the document that has them: `installSteps`, `uninstallSteps` or `changeEditionSteps`.
        public let list: String
        /// The steps as they stand there, in order.
        public let steps: [JSON]
    }

    /// The steps of the platform's second generation, list by list; none in a document of the first, and none where all lists
    /// are empty, as in an integration that a user built.
    ///
    /// integrator.io itself drives them: it calls no function of `install`, and writes `completed` and `mode` alone.
    ///
    /// Source: integrator.io's Integration API.
    public var secondGenerationSteps: [SecondGenerationSteps] {
        ["installSteps", "uninstallSteps", "changeEditionSteps"].compactMap { list in
            guard let steps = self[list]?.array, !steps.isEmpty else { return nil }
            return SecondGenerationSteps(list: list, steps: steps)
        }
    }
}
