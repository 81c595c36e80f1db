extension InstallFlow {
    /// Brings the integration to a version that was pushed to it. One that is there already is as good: a push whose answer
    /// was lost is sent again.
    package func bring(to version: ConnectorVersion) async throws -> Outcome {
        do {
            return try await update(to: version).finish()
        } catch let error as SmartConnectorError where error.code == .versionNotNewer {
            // An update that has gone beyond it already, and is not at its end, is refused so too.
            let installed = try await persistence.load().integration.installedVersion.readable
            guard let installed, installed >= version else { throw error }
            return .done
        }
    }
}
