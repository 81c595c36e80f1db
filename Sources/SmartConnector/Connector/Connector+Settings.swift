extension Connector {
    /// Registers what checks and carries out a change of settings, which it is given as a type of the author's own.
    ///
    /// ```swift
    /// nonisolated struct Settings: Codable { var currency: String, interval: Int? }
    ///
    /// connector.persistSettings(as: Settings.self) { call, old, new in
    ///     guard new.interval ?? 60 >= 5 else { return .rejected("The interval is 5 minutes or longer") }
    ///     return .saved
    /// }
    /// ```
    ///
    /// Settings that cannot be read as that type are rejected with the place that does not fit, and the function is not
    /// called. What stands there is not repeated: it may be secret.
    ///
    /// - Parameters:
    ///   - type: What all settings are read as. Members that it does not have are kept as they are.
    ///   - policy: How long it may take and how often it is tried.
    ///   - body: Gets the call; the settings as they are, nil where there are none of that type yet; and the settings as they
    ///     would be. Its answer is what it is in ``persistSettings(policy:_:)``.
    public mutating func persistSettings<Settings: Decodable & Sendable>(
        as type: Settings.Type, policy: CallPolicy = CallPolicy(),
        _ body:
            @escaping @Sendable (_ call: FunctionCall, _ old: Settings?, _ new: Settings) async throws ->
            SettingsResult
    ) {
        persistSettings(policy: policy) { call in
            var integration = try await call.integration()
            // Settings of an earlier version may be of another shape; the function is there to mend that.
            let old = try? integration.settings?.decode(type)
            var change = Change()
            for (path, value) in (integration.settings ?? [:]).changes(merging: call.pending ?? [:]) {
                change.set(.settings(path), value)
            }
            change.apply(to: &integration)
            let new: Settings
            do {
                new = try (integration.settings ?? [:]).decode(type)
            } catch {
                return .rejected(SettingsResult.misfit(error, in: integration.settings ?? [:]))
            }
            return try await body(call, old, new)
        }
    }
}

extension SettingsResult {
    /// These settings are saved instead: each member that the value has, and others stay as they are.
    ///
    /// - Throws: `EncodingError` where the value cannot be written as JSON.
    public static func saved(encoding settings: some Encodable) throws -> SettingsResult {
        .saved(try JSON(encoding: settings))
    }

    /// Why settings cannot be read as a type, without what stands there.
    fileprivate static func misfit(_ error: any Error, in settings: JSON) -> String {
        guard let error = error as? DecodingError else { return FunctionFailure(error).message }
        switch error {
        case .keyNotFound(let key, let context): return "\(place(context.codingPath + [key])) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            let path = JSON.Path(context.codingPath.map(\.name))
            guard let found = settings[path: path] else { return "\(place(context.codingPath)) is missing" }
            return "\(place(context.codingPath)) does not fit: it is of kind \(found.kind)"
        @unknown default: return "the settings cannot be read"
        }
    }

    private static func place(_ path: [any CodingKey]) -> String {
        JSON.Path(["settings"] + path.map(\.name)).description
    }
}

extension CodingKey {
    /// The name of a member, or the index of an element as it is written in a path.
    fileprivate var name: String { intValue.map(String.init) ?? stringValue }
}
