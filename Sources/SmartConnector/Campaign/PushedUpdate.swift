/// The update of one integration that an API does by itself: it is told to, and looked at until it has.
struct PushedUpdate: Sendable {
    /// The `_connectorId`.
    let connector: String
    let target: ConnectorVersion
    let api: any ManagedUpdateAPI
    /// How long it may take.
    let patience: Duration
    let clock: any Clock<Duration>

    /// The pauses between two looks: an update takes seconds, or minutes.
    private static let pauses = (first: Duration.seconds(1), longest: Duration.seconds(20))

    /// Where an integration stands.
    private enum Standing {
        case done, older, updating
    }

    /// One that is under way already, whoever began it, is waited for first: a worker that has ended may have.
    ///
    /// - Returns: Why it is not of the version; nil where it is.
    func update(_ integration: String) async throws -> FunctionFailure? {
        var (isPushed, isUnderWay) = (false, false)
        var (pause, waited) = (Self.pauses.first, Duration.zero)
        while waited < patience {
            switch try await standing(of: integration) {
            case .done: return nil
            case .updating: isUnderWay = true
            case .older where !isPushed:
                try await api.pushUpdate(of: connector, to: [integration])
                (isPushed, isUnderWay) = (true, false)
                continue
            case .older:
                if isUnderWay { return notUpdated("ended and left integration \(integration) as it was") }
            }
            try await clock.sleep(for: pause)
            waited += pause
            pause = min(pause * 2, Self.pauses.longest)
        }
        return notUpdated("has not \(isUnderWay ? "ended" : "begun") after \(patience): integration \(integration)")
    }

    private func standing(of integration: String) async throws -> Standing {
        let document = try await api.get(integration).integration
        if document.isUpdateInProgress { return .updating }
        guard let version = document.version, version >= target else { return .older }
        return .done
    }

    private func notUpdated(_ what: String) -> FunctionFailure {
        FunctionFailure(code: "not_updated", message: "the update to \(target) \(what)")
    }
}
