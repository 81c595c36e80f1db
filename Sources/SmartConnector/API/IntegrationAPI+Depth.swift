/// What is nested too deeply is refused before it is written: once it is stored, whoever reads it has to get through it
/// and through whatever it was put into.
extension APIError {
    /// A value is nested too deeply; status 422. Nil where it is not.
    ///
    /// - Parameters:
    ///   - value: The value.
    ///   - what: What it is, for the message: `the document`.
    ///   - limit: How deep it may be.
    public static func tooDeep(
        _ value: JSON, _ what: String, limit: Int = JSON.maximumDocumentDepth
    ) -> APIError? {
        value.depthFault(of: what, limit: limit).map { APIError(.tooDeep, $0, status: 422) }
    }
}

extension Integration {
    /// Refuses a document that is nested more than ``JSON/maximumDocumentDepth`` deep. Every store does that before it
    /// writes one.
    ///
    /// A document that an earlier release stored may be deeper. It is read, and may be changed as long as that does not
    /// make it any deeper: how else would it be uninstalled?
    ///
    /// - Parameter stored: The document that this one takes the place of, read only where it matters; nil for a new one.
    /// - Throws: ``APIError/Code/tooDeep``, and what `stored` throws.
    public func checkDepth(replacing stored: @autoclosure () throws -> Integration? = nil) throws {
        guard let error = APIError.tooDeep(json, "the document") else { return }
        guard let stored = try stored(), json.isNestedNoDeeper(than: stored.json) else { throw error }
    }
}

extension Integration {
    /// As ``checkDepth(replacing:)``, for a store that has the document at hand: only what is new in it is looked at.
    package func checkDepth(changing stored: Integration) throws {
        guard json.isNested(deeperThan: JSON.maximumDocumentDepth, changing: stored.json) else { return }
        try checkDepth(replacing: stored)
    }
}

extension IntegrationAPI {
    /// Refuses a document that is too deep to take the place of another one; see ``Integration/checkDepth(replacing:)``.
    /// Only where it is too deep the other is read.
    package func checkDepth(of integration: Integration, replacing id: String) async throws {
        guard integration.json.isNested(deeperThan: JSON.maximumDocumentDepth) else { return }
        let stored = try await get(id).integration
        try integration.checkDepth(replacing: stored)
    }
}
