@testable import SmartConnector

/// Everything outside of a flow, as plainly as it can be said: what is stored, and what exists in other systems. It knows
/// more than any engine can, and says at once where a promise is broken.
struct PlainWorld {
    /// What is stored. Nil where it is deleted.
    var document: Integration?
    var record = FlowRecord()
    var isLeased = false
    var snapshot: Integration?
    /// The steps of which something exists elsewhere, by name.
    var existing: Set<String> = []
    /// Those among them of which the engine cannot know: somebody else has written that nothing was there.
    var unknowable: Set<String> = []
    /// Whether an uninstall was given up.
    var isKept = false
    /// What each key was used for.
    var purposes: [String: String] = [:]
    var keysOfFirstAttempts: Set<String> = []
    /// Each call that was made, by key and attempt, and whether it took effect.
    var made: [String: Bool] = [:]
    /// The calls that the history has.
    var history: Set<String> = []
    /// The keys of calls whose return was journalled.
    var returned: Set<String> = []
    /// The versions whose update function took effect.
    var updated: Set<ConnectorVersion> = []
    /// The promises that the last thing that happened has broken.
    var broken: [String] = []

    static func name(_ key: String, _ attempt: Int) -> String { "\(key) \(attempt)" }
    static func name(_ call: FlowRecord.Call) -> String { name(call.idempotencyKey, call.attempt) }

    mutating func expect(_ isKept: Bool, _ promise: @autoclosure () -> String) {
        if !isKept { broken.append(promise()) }
    }

    // MARK: The document

    func index(of step: String) -> Int? {
        document?["install"]?.array?.firstIndex { $0["name"]?.string == step }
    }

    func isCompleted(_ step: String) -> Bool {
        index(of: step).flatMap { document?["install"]?[$0]?["completed"]?.bool } ?? false
    }

    mutating func write(_ wanted: Integration, finishing isFinishing: Bool) {
        guard let old = document else { return }
        if old.mode == .uninstall, wanted.mode != .uninstall { isKept = true }
        document = wanted
        let (before, after) = (old.installedVersion.readable, wanted.installedVersion.readable)
        if before != after, let after {
            expect(isFinishing && !wanted.isUpdateInProgress, "the version moved before the update was over")
            expect(before.map { $0 < after } ?? true, "the version went back")
            for version in [ConnectorVersion("2.0.0"), "3.0.0"]
            where version <= after && before.map({ $0 < version }) ?? true {
                expect(updated.contains(version), "the version moved before the function of \(version) succeeded")
            }
        }
        expect(before == nil || after != nil, "the version is gone")
    }

    /// Somebody else, or a function, says that a step is to be done again.
    mutating func reset(_ step: Int) {
        guard let name = document?["install"]?[step]?["name"]?.string else { return }
        if existing.contains(name), !record.memory.touched.contains(where: { $0.name == name }) {
            unknowable.insert(name)
        }
        document?["install"]?[step]?["completed"] = false
        document?.mode = .install
    }

    // MARK: The journal

    /// Makes a record durable.
    ///
    /// - Parameter returning: The key of a call that has returned with success in this session.
    mutating func journal(
        _ new: FlowRecord, attempts: [Attempt], _ wanted: JournalWrite.Snapshot, keepsLease: Bool, returning: String?
    ) {
        switch wanted {
        case .set(let before): snapshot = before
        case .remove: snapshot = nil
        case .keep: if record.memory.update != nil, new.memory.update == nil { snapshot = nil }
        }
        for attempt in attempts { history.insert(Self.name(attempt.idempotencyKey, attempt.number)) }
        if let old = record.call, made[Self.name(old)] != nil {
            let isKept = new.call.map { Self.name($0) == Self.name(old) && $0.isInDoubt } ?? false
            expect(isKept || history.contains(Self.name(old)), "a call is in no history")
        }
        if let returning { returns(returning, in: new) }
        let old = record
        record = new
        if let call = new.call {
            use(call)
            if call.attempt == 1 { keysOfFirstAttempts.insert(call.idempotencyKey) }
            // Its own answer has taken it back: it is to be called again.
            if case .failed = call.stage { returned.remove(call.idempotencyKey) }
        }
        isLeased = keepsLease
        unknowable.subtract(new.memory.touched.compactMap(\.name))
        if let call = old.call, call.idempotencyKey != new.call?.idempotencyKey, returned.contains(call.idempotencyKey)
        {
            checkSettled(call, old)
        }
        checkExisting()
    }

    private mutating func returns(_ key: String, in new: FlowRecord) {
        guard let call = new.call, call.idempotencyKey == key else {
            returned.insert(key)
            return
        }
        if case .returned = call.stage { returned.insert(key) }
    }

    /// A key is for one function and one step, from when it is journalled on.
    private mutating func use(_ call: FlowRecord.Call) {
        let purpose = "\(call.function.kind) \(call.function.name) \(call.step?.name ?? "")"
        let before = purposes[call.idempotencyKey] ?? purpose
        expect(before == purpose, "a key passed from \(before) to \(purpose)")
        purposes[call.idempotencyKey] = purpose
    }

    /// What a call has made is in the document, or remembered, before the call is forgotten.
    private mutating func checkSettled(_ call: FlowRecord.Call, _ old: FlowRecord) {
        guard let document else { return }
        switch call.function {
        case .installer:
            guard let step = call.step?.name else { return }
            expect(
                isCompleted(step) || !existing.contains(step) || isTouched(step) || unknowable.contains(step),
                "\(call.function.name) is forgotten, and nothing says what it made")
        case .setting:
            expect(
                document["settings"]?["color"]?.string == "blue" || record.accepted != nil,
                "accepted settings are not written")
        case .preUninstall:
            expect(
                isKept || document.mode != .uninstall || record.memory.uninstallOrder != nil,
                "the order is lost")
        case .update(let version):
            expect(
                record.memory.update.map { $0.reached.map { $0 >= version } ?? false } ?? true,
                "an update does not remember \(version)")
        case .uninstaller, .connectorInstaller, .connectorUninstaller, .hook, .wrapper, .utility, .untyped: break
        }
    }

    func isTouched(_ step: String) -> Bool { record.memory.touched.contains { $0.name == step } }

    /// Whatever exists, something that is stored says that it may.
    mutating func checkExisting() {
        guard document != nil else { return }
        for step in existing.subtracting(unknowable) where !isCompleted(step) && !isTouched(step) {
            let isCalled = record.call.map { $0.step?.name == step && $0.mayHaveInstalled } ?? false
            expect(isCalled, "nothing that is stored says that something of step \(step) may exist")
        }
    }

    // MARK: Calls

    /// A function begins: all that is promised of that is so.
    mutating func begin(_ call: FlowRecord.Call) {
        let key = call.idempotencyKey
        expect(record.call == call && call.isInDoubt, "a call is made that is not journalled")
        expect(isLeased, "a call is made without the lease")
        expect(!returned.contains(key), "a call is made again that has returned")
        expect(made[Self.name(call)] == nil, "an attempt is made twice")
        if call.attempt > 1 { expect(keysOfFirstAttempts.contains(key), "a further attempt has a new key") }
        made[Self.name(call)] = false
    }

    /// A function takes effect.
    mutating func takeEffect(_ call: FlowRecord.Call) {
        made[Self.name(call)] = true
        guard let step = call.step?.name else {
            if case .update(let version) = call.function { updated.insert(version) }
            return
        }
        switch call.function {
        case .installer: existing.insert(step)
        case .uninstaller:
            existing.remove(step)
            unknowable.remove(step)
        case .connectorInstaller, .preUninstall, .connectorUninstaller, .update, .setting, .hook, .wrapper, .utility,
            .untyped:
            break
        }
        checkExisting()
    }
}
