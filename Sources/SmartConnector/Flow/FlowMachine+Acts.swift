extension FlowMachine {
    /// The act of a person that the command is which was just carried out, for the history. An update is one where it was
    /// begun in the name of a person: most are a program's doing, and their calls are in the history themselves.
    ///
    /// - Parameters:
    ///   - mode: The mode before it.
    ///   - isNewUpdate: Whether it is an update that was not under way.
    func commandAct(from mode: Mode?, isNewUpdate: Bool) -> Act? {
        let outcome = install.mode == mode ? nil : install.mode?.rawValue
        switch goal {
        case .complete(let text): return act(.complete, step: try? install.step(named: text), outcome: outcome)
        case .reset(let text): return act(.reset, step: try? install.step(named: text), outcome: outcome)
        case .beginUninstall, .uninstall: return act(.beginUninstall, outcome: outcome)
        case .cancelUninstall: return act(.cancelUninstall, outcome: outcome)
        case .abortUpdate: return act(.abortUpdate, outcome: snapshot == nil ? "released" : "restored")
        case .update(let target):
            guard isNewUpdate, supply.configuration.person != nil else { return nil }
            return act(.update, outcome: target.description)
        case .run, .install, .advance, .resume, .resolve, .saveSettings: return nil
        }
    }

    /// What a person says about a call in doubt.
    func resolveAct(_ call: FlowRecord.Call, _ tookEffect: Bool, _ reason: String) -> Act {
        act(
            .resolve, step: call.step, function: call.function, outcome: tookEffect ? "completed" : "rerun",
            reason: reason)
    }

    /// What was given up, or has failed, is taken up again.
    var resumeAct: Act {
        let call = record.call
        return act(
            .resume, step: record.parked?.step ?? call?.step, function: record.parked?.function ?? call?.function)
    }

    private func act(
        _ kind: Act.Kind, step: StepReference? = nil, function: ConnectorFunction? = nil, outcome: String? = nil,
        reason: String? = nil
    ) -> Act {
        let configuration = supply.configuration
        return Act(
            kind, step: step, function: function, person: configuration.person, holder: holder,
            date: configuration.now(), outcome: outcome, reason: reason ?? configuration.reason)
    }
}
