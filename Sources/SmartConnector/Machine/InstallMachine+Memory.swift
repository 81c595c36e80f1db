extension InstallMachine {
    /// What has happened and does not stand in the document. It is journalled, so that it outlives a crash.
    public struct Memory: Sendable, Equatable {
        /// One reference, and none where there is nothing to remember: a memory is copied many times at every step.
        private var contents: Contents?

        private final class Contents: Sendable {
            let uninstallOrder: UninstallOrder?
            let update: Update?
            let touched: [StepReference]

            init(_ uninstallOrder: UninstallOrder?, _ update: Update?, _ touched: [StepReference]) {
                self.uninstallOrder = uninstallOrder
                self.update = update
                self.touched = touched
            }
        }

        /// Whether there is nothing to remember.
        public var isEmpty: Bool { contents == nil }

        /// Whether both are one memory. False says nothing.
        func isIdentical(to other: Memory) -> Bool { contents === other.contents }

        /// What preUninstall answered, or nil while it has not.
        public var uninstallOrder: UninstallOrder? {
            get { contents?.uninstallOrder }
            set {
                guard !isEmpty || newValue != nil else { return }
                self = Memory(uninstallOrder: newValue, update: update, touched: touched)
            }
        }

        /// The managed update under way, or nil where there is none.
        public var update: Update? {
            get { contents?.update }
            set {
                guard !isEmpty || newValue != nil else { return }
                self = Memory(uninstallOrder: uninstallOrder, update: newValue, touched: touched)
            }
        }

        /// The steps that are not completed and of which something may exist all the same: an installer was called
        /// and did not say that it failed, or the step was reset after it was completed. By index, each once.
        public var touched: [StepReference] {
            get { contents?.touched ?? [] }
            set {
                guard !isEmpty || !newValue.isEmpty else { return }
                self = Memory(uninstallOrder: uninstallOrder, update: update, touched: newValue)
            }
        }

        /// What is undone, and in which order.
        public enum UninstallOrder: Sendable, Equatable {
            /// Every step, the last one first.
            case reverse
            /// These, in this order, then what was not there yet, and not those of which something exists and that the
            /// order left out.
            case steps([StepReference], leaving: [StepReference])
            /// None: the integration is removed at once.
            case removal
        }

        /// A managed update under way.
        public struct Update: Sendable, Equatable {
            /// The version that the update is to end with.
            public var target: ConnectorVersion
            /// The newest version whose update function has returned. Nil while none has.
            public var reached: ConnectorVersion?

            /// An update to a version, as far as it has come.
            public init(target: ConnectorVersion, reached: ConnectorVersion? = nil) {
                self.target = target
                self.reached = reached
            }
        }

        /// A memory of these; it is empty where there is nothing.
        public init(
            uninstallOrder: UninstallOrder? = nil, update: Update? = nil, touched: [StepReference] = []
        ) {
            guard uninstallOrder != nil || update != nil || !touched.isEmpty else { return }
            contents = Contents(uninstallOrder, update, touched)
        }

        /// Whether both remember the same.
        public static func == (left: Memory, right: Memory) -> Bool {
            left.contents === right.contents
                || left.uninstallOrder == right.uninstallOrder && left.update == right.update
                    && left.touched == right.touched
        }
    }
}
