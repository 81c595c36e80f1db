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

    func update(_ integration: String) async throws -> CampaignWorker.DriveEnd {
        switch try await standing(of: integration) {
        case .done: return .done
        // Somebody else has begun that one, to whatever version.
        case .updating: return .busy
        case .older: try await api.pushUpdate(of: connector, to: [integration])
        }
        var (pause, waited, hasBegun) = (Self.pauses.first, Duration.zero, false)
        while waited < patience {
            switch try await standing(of: integration) {
            case .done: return .done
            case .updating: hasBegun = true
            case .older:
                if hasBegun { return .failed(notUpdated("ended and left integration \(integration) as it was")) }
            }
            try await clock.sleep(for: pause)
            waited += pause
            pause = min(pause * 2, Self.pauses.longest)
        }
        let what = hasBegun ? "has not ended" : "has not begun"
        return .failed(notUpdated("\(what) \(patience) after the platform had accepted it: integration \(integration)"))
    }

    private func standing(of integration: String) async throws -> Standing {
        let document = try await api.get(integration).integration
        if document.isUpdateInProgress { return .updating }
        guard let version = document.version, version >= target else { return .older }
        return .done
    }

    private func notUpdated(_ what: String) -> FunctionFailure {
        FunctionFailure(code: "not_updated", message: "the update to \(target) that was pushed \(what)")
    }
}
