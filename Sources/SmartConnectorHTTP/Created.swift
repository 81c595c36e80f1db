import SmartConnector

/// What an answer says of an integration that was created.
///
/// Source: integrator.io's Integration API: a list of what was created, `[{model, _id}]`, or an object with
/// `_integrationId`; clients that are lenient take the document itself, too.
enum Created: Equatable {
    /// It is the document.
    case document
    /// It names the integration.
    case integration(String)

    /// Nil where it says nothing of one.
    init?(_ answer: JSON) {
        if let list = answer.array {
            let created = list.first { $0["model"]?.string?.lowercased() == "integration" }
            guard let id = created?["_id"]?.string, !id.isEmpty else { return nil }
            self = .integration(id)
        } else if let id = answer["_integrationId"]?.string, !id.isEmpty {
            self = .integration(id)
        } else if answer["_id"]?.string?.isEmpty == false {
            self = .document
        } else {
            return nil
        }
    }
}

extension APIError {
    /// The same error, with what is known beside it.
    func saying(_ what: String) -> APIError {
        var error = self
        error.message = "\(what): \(message)"
        return error
    }
}
