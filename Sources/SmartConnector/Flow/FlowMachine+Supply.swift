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
    /// Where the integration is, as far as this says.
    func makePlace(tracing trace: FlowTrace?) -> Persistence.Place {
        Persistence.Place(
            integrationID: integrationID, requests: Persistence.Requests(of: self, trace: trace),
            keeper: configuration.leaseKeeper)
    }

    /// What tells what one flow does, where somebody observes it.
    func makeTrace() -> FlowTrace? {
        (configuration.observer ?? connector.observer).map { observer in
            FlowTrace(
                observer, of: integrationID, connector: connector.id, uptime: configuration.leaseKeeper.uptime,
                now: configuration.now)
        }
    }
}
