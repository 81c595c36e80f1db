import SmartConnectorWire

extension LocalIntegrator {
    /// Refuses a document that is plainly wrong where it says something new: what is stored that way already may be sent
    /// again, since whoever changes something else sends the whole document.
    func validate(_ sent: Integration, replacing id: String? = nil) async throws {
        let faults = Self.faults(of: sent)
        guard !faults.isEmpty else { return }
        let stored: Integration? = if let id { try await store.get(id).integration } else { nil }
        for fault in faults where stored == nil || stored?[fault.field] != sent[fault.field] {
            throw APIError(
                APIError.Code(rawValue: "invalid_field"), "\(fault.field) \(fault.what)", status: 422,
                field: fault.field)
        }
    }

    /// What integrator.io would not take, by the field that it stands in.
    private static func faults(of integration: Integration) -> [(field: String, what: String)] {
        var faults: [(String, String)] = []
        if let name = integration["name"], name.kind != .string { faults.append(("name", "is no text")) }
        if let mode = integration["mode"], !mode.isNull {
            let known = ["install", "settings", "uninstall"]
            if !known.contains(mode.string ?? "") {
                faults.append(("mode", "is none of \(known.joined(separator: ", "))"))
            }
        }
        if let steps = integration["install"], !steps.isNull {
            if steps.array?.allSatisfy({ $0.kind == .object }) != true {
                faults.append(("install", "is no array of steps, each of which is an object"))
            }
        }
        return faults
    }
}
