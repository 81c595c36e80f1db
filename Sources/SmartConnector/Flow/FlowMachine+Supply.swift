extension FlowMachine {
    /// What a value cannot have from itself.
    final class Supply: Sendable {
        let integrationID: String
        let connector: Connector
        let configuration: InstallFlow.Configuration

        init(integrationID: String, connector: Connector, configuration: InstallFlow.Configuration) {
            self.integrationID = integrationID
            self.connector = connector
            self.configuration = configuration
        }
    }
}

extension FlowMachine.Supply {
    /// What is called for a function; nil where there is none. The connector is not asked for it: it would be copied, at
    /// every step.
    func entry(for function: ConnectorFunction) -> Connector.Entry? {
        Connector.entry(for: function, in: connector.entries, connector.fallback)
    }

    /// How long a function may take and how often it is tried; nil where there is none.
    func policy(of function: ConnectorFunction) -> CallPolicy? { entry(for: function)?.policy }

    /// What tells what one flow does, where somebody observes it.
    func makeTrace() -> FlowTrace? {
        (configuration.observer ?? connector.observer).map { observer in
            FlowTrace(
                observer, of: integrationID, connector: connector.id, uptime: configuration.leaseKeeper.uptime,
                now: configuration.now)
        }
    }
}
