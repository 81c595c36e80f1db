public import SmartConnector

extension LocalIntegrator {
    /// What a token reaches of the store without a request, as its bearer would reach it with one: for the functions of a
    /// stack that stands beside.
    ///
    /// The token is looked at for each operation, so that one of a function is worth nothing once its call is over. The
    /// stack's own system token opens nothing here.
    ///
    /// - Parameter token: The bearer token of a call; without one nothing is reached.
    /// - Returns: The API, which is a journal too where the store is one. Each operation throws `APIError` with
    ///   `unauthorized` where the token is not accepted, with `forbidden` where it is another integration's.
    public func api(for token: Secret?) -> any IntegrationAPI & IntegrationStateAPI {
        let api = TokenAPI(integrator: self, token: token)
        guard let store = store as? any TransactionalStore else { return api }
        return TokenStore(tokenAPI: api, store: store)
    }
}

/// The store, as far as a token reaches.
private struct TokenAPI: IntegrationAPI, IntegrationStateAPI {
    let integrator: LocalIntegrator
    let token: Secret?

    private var store: any IntegrationAPI & IntegrationStateAPI { integrator.store }

    /// - Parameter id: The integration that is read or changed; nil for what is about others, or removes one.
    @discardableResult
    func check(_ id: String?) throws(APIError) -> LocalIntegrator.Caller {
        guard let caller = integrator.caller(token) else { throw .notAccepted }
        switch caller {
        case .user: break
        case .function(let own): guard id.isExactly(own) else { throw .ofAnotherIntegration }
        }
        return caller
    }

    func list(after cursor: String?, limit: Int) async throws -> IntegrationPage {
        try check(nil)
        return try await store.list(after: cursor, limit: limit)
    }

    func get(_ id: String) async throws -> StoredIntegration {
        try check(id)
        return try await store.get(id)
    }

    func create(_ integration: Integration) async throws -> StoredIntegration {
        try check(nil)
        return try await store.create(integration)
    }

    func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?
    ) async throws -> StoredIntegration {
        let caller = try check(id)
        return try await integrator.update(id, to: integration, ifRevision: revision, caller)
    }

    func delete(_ id: String, ifRevision revision: Revision?) async throws {
        try check(nil)
        try await store.delete(id, ifRevision: revision)
    }

    func clone(_ id: String, _ options: CloneOptions) async throws -> StoredIntegration {
        try check(nil)
        return try await store.clone(id, options)
    }

    func state(_ key: String, of integration: String) async throws -> JSON? {
        try check(integration)
        return try await store.state(key, of: integration)
    }

    func timedState(_ key: String, of integration: String) async throws -> (value: JSON?, time: StateTime?) {
        try check(integration)
        return try await store.timedState(key, of: integration)
    }

    var statePlace: String? { store.statePlace }

    func setState(_ key: String, of integration: String, to value: JSON) async throws {
        try check(integration)
        try await store.setState(key, of: integration, to: value)
    }

    func removeState(_ key: String, of integration: String) async throws {
        try check(integration)
        try await store.removeState(key, of: integration)
    }

    func stateKeys(of integration: String) async throws -> [String]? {
        try check(integration)
        return try await store.stateKeys(of: integration)
    }

    func removeAllState(of integration: String) async throws {
        try check(integration)
        try await store.removeAllState(of: integration)
    }
}

/// The same of a store that is a journal too. What is journalled is the platform's own affair, so that a flow may write what a
/// user's token may not.
private struct TokenStore: TransactionalStore, ForwardingAPI, IntegrationStateAPI {
    let tokenAPI: TokenAPI
    let store: any TransactionalStore

    var api: any IntegrationAPI { tokenAPI }
    var leaseTime: Duration? { store.leaseTime }

    // MARK: Journal

    func entry(of integration: String) async throws -> JournalEntry {
        try tokenAPI.check(integration)
        return try await store.entry(of: integration)
    }

    func write(_ write: JournalWrite, of integration: String) async throws {
        try tokenAPI.check(integration)
        try await store.write(write, of: integration)
    }

    func renew(_ holder: String, of integration: String) async throws -> Bool {
        try tokenAPI.check(integration)
        return try await store.renew(holder, of: integration)
    }

    func unlock(_ integration: String, evicting holder: String?, recording act: Act?) async throws -> Lease? {
        try tokenAPI.check(integration)
        return try await store.unlock(integration, evicting: holder, recording: act)
    }

    func historyEntries(of integration: String) async throws -> [HistoryEntry] {
        try tokenAPI.check(integration)
        return try await store.historyEntries(of: integration)
    }

    func changeLedger(_ changes: [LedgerChange], of integration: String) async throws {
        try tokenAPI.check(integration)
        try await store.changeLedger(changes, of: integration)
    }

    func ledger(of integration: String) async throws -> [LedgerEntry] {
        try tokenAPI.check(integration)
        return try await store.ledger(of: integration)
    }

    func snapshot(of integration: String) async throws -> Integration? {
        try tokenAPI.check(integration)
        return try await store.snapshot(of: integration)
    }

    // MARK: Both

    func read(_ id: String) async throws -> (entry: JournalEntry, stored: StoredIntegration) {
        try tokenAPI.check(id)
        return try await store.read(id)
    }

    func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?, writing write: JournalWrite
    ) async throws -> StoredIntegration {
        try tokenAPI.check(id)
        return try await store.update(id, to: integration, ifRevision: revision, writing: write)
    }

    func delete(_ id: String, ifRevision revision: Revision?, writing write: JournalWrite) async throws {
        try tokenAPI.check(nil)
        try await store.delete(id, ifRevision: revision, writing: write)
    }

    // MARK: State

    func state(_ key: String, of integration: String) async throws -> JSON? {
        try await tokenAPI.state(key, of: integration)
    }

    func timedState(_ key: String, of integration: String) async throws -> (value: JSON?, time: StateTime?) {
        try await tokenAPI.timedState(key, of: integration)
    }

    var statePlace: String? { tokenAPI.statePlace }

    func setState(_ key: String, of integration: String, to value: JSON) async throws {
        try await tokenAPI.setState(key, of: integration, to: value)
    }

    func removeState(_ key: String, of integration: String) async throws {
        try await tokenAPI.removeState(key, of: integration)
    }

    func stateKeys(of integration: String) async throws -> [String]? {
        try await tokenAPI.stateKeys(of: integration)
    }

    func removeAllState(of integration: String) async throws {
        try await tokenAPI.removeAllState(of: integration)
    }
}
