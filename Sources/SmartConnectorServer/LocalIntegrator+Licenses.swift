import Foundation
import SmartConnectorWire
import Synchronization

/// The licences of the account: each is free, or bound to one integration.
///
/// Which one an integration has stands in its state, so that it is free again when the integration is gone.
///
/// Source: integrator.io gives a licence to an installation, `license_required` where there is none, and takes it back at
/// the removal.
extension LocalIntegrator {
    /// Licences that somebody has taken in this process: the integration of each, or nil while that is made.
    final class TakenLicenses: Sendable {
        private let taken = Guarded<[String: String?]>([:])

        /// Takes one of these that nobody has.
        ///
        /// - Parameter isGone: Who is known to be gone: the integrations of earlier takers.
        func take(_ candidates: [String], gone: Set<String>) -> String? {
            taken.withLock { taken in
                let free = candidates.first { license in
                    guard let holder = taken[license] else { return true }
                    return holder.map(gone.contains) ?? false
                }
                if let free { taken[free] = .some(nil) }
                return free
            }
        }

        func bind(_ license: String, to integration: String) {
            taken.withLock { $0[license] = integration }
        }

        func free(_ license: String) { taken.withLock { _ = $0.removeValue(forKey: license) } }

        var holders: [String] { taken.withLock { $0.values.compactMap(\.self) } }
    }

    /// The licences of the account, with the integration that each is bound to.
    func licenses() async throws -> HTTPResponse {
        var rows: [JSON] = []
        for connector in configuration.licenses.keys.sorted() {
            let bound = try await boundLicenses(of: connector)
            for license in configuration.licenses[connector] ?? [] {
                let id = license["_id"]?.string ?? ""
                var row: JSON = [
                    "_id": JSON(id), "_connectorId": JSON(connector), "type": "integrationApp",
                    "opts": Self.opts(license),
                ]
                if let integration = bound[id] { row["_integrationId"] = JSON(integration) }
                rows.append(row)
            }
        }
        return HTTPResponse(json: JSON(rows))
    }

    /// What of a licence functions are given.
    private static func opts(_ license: JSON) -> JSON {
        var opts = license
        opts["_connectorId"] = nil
        return opts
    }

    /// The integrations that have a licence of a connector, by the licence's id.
    private func boundLicenses(of connector: String) async throws -> [String: String] {
        var bound: [String: String] = [:]
        for integration in try await integrations(of: connector) {
            guard let id = integration.id,
                let license = try await store.state(Self.licenseKey, of: id)?["_id"]?.string
            else { continue }
            bound[license] = id
        }
        return bound
    }

    /// Makes an integration of a connector with a free licence of it, where the account has licences of that connector.
    ///
    /// - Throws: `APIError` with status 403 and the code `license_required` where none is free.
    func withLicense(
        of connector: String, _ create: () async throws -> StoredIntegration
    ) async throws -> StoredIntegration {
        guard let licenses = configuration.licenses[connector] else { return try await create() }
        let bound = try await boundLicenses(of: connector)
        var gone: Set<String> = []
        for holder in takenLicenses.holders {
            do {
                _ = try await store.get(holder)
            } catch let error as APIError where error.isNotFound {
                gone.insert(holder)
            }
        }
        let candidates = licenses.compactMap { $0["_id"]?.string }.filter { bound[$0] == nil }
        guard let id = takenLicenses.take(candidates, gone: gone),
            let license = licenses.first(where: { $0["_id"]?.string == id })
        else { throw APIError.noLicense(connector) }
        do {
            let stored = try await create()
            let integration = stored.integration.id ?? ""
            try await store.setState(Self.licenseKey, of: integration, to: Self.opts(license))
            takenLicenses.bind(id, to: integration)
            return stored
        } catch {
            takenLicenses.free(id)
            throw error
        }
    }
}

extension APIError {
    fileprivate static func noLicense(_ connector: String) -> APIError {
        APIError(
            APIError.Code(rawValue: "license_required"),
            "the account has no free licence of connector \(connector)", status: 403)
    }
}
