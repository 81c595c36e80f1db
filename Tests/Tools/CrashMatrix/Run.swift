import Foundation
import SmartConnector

/// One integration, and the processes that drive it one after the other.
struct Run: Sendable {
    let store: Store
    /// The store as this process has it open all the time, where that makes no difference to the others.
    private let shared: (any TransactionalStore)?
    let layout: Layout
    let scenario: Scenario
    let flaw: Flaw?
    let integration: String
    let world: World

    init(_ matrix: Matrix, _ scenario: Scenario, _ layout: Layout, name: String, flaw: Flaw? = nil) async throws {
        world = try World(
            folder: "\(matrix.folder)/\(matrix.place.name)-\(layout.rawValue)-\(scenario.rawValue)-\(name)")
        switch matrix.place {
        case .sqlite: (store, shared) = (.sqlite(path: "\(world.folder)/store.sqlite"), nil)
        case .postgres(let database, let opened): (store, shared) = (.postgres(database), opened)
        }
        self.layout = layout
        self.scenario = scenario
        self.flaw = flaw
        let opened = if let shared { shared } else { try await store.open() }
        let id = try await opened.create(scenario.document).integration.id ?? ""
        integration = id
        for object in scenario.objects { world.make(object, key: "before") }
        let entries = scenario.objects.map {
            LedgerChange.created(LedgerEntry(kind: "object", id: $0, function: "make" + $0, created: Date()))
        }
        if !entries.isEmpty { try await opened.changeLedger(entries, of: id) }
        try await scenario.begin(id, in: opened, world)
        for key in try await returned() { world.append(key, to: .returns) }
    }

    private func child(_ part: Child.Part = .main, _ fate: Child.Fate = .reachesTheEnd) -> Child {
        Child(
            store: store, layout: layout, scenario: scenario, integration: integration, world: world, flaw: flaw,
            part: part, fate: fate)
    }

    /// Lets each process reach its end, the one after the other.
    ///
    /// - Returns: How many points the first one has.
    func undisturbed() async throws -> Int {
        for part in parts {
            guard try await child(part).start() == .ended(0) else {
                throw Matrix.Failure(
                    description: "undisturbed, \(scenario.rawValue) fails: \(world.lines(of: .errors))")
            }
        }
        let leftovers = try await leftovers(in: open())
        guard leftovers.isEmpty else {
            throw Matrix.Failure(
                description: "undisturbed, \(scenario.rawValue) leaves something behind: \(leftovers)")
        }
        return world.lines(of: .points).count
    }

    private var parts: [Child.Part] { scenario.errandBeside == nil ? [.main] : [.main, .beside] }

    // MARK: What is left

    private func open() async throws -> any TransactionalStore {
        if let shared { shared } else { try await store.open() }
    }

    func outcome() async throws -> Matrix.Outcome { try await outcome(in: open()) }

    private func outcome(in opened: any TransactionalStore) async throws -> Matrix.Outcome {
        var document: String?
        do {
            var integration = try await opened.get(integration).integration
            integration["_id"] = nil
            integration["lastModified"] = nil
            document = integration.json.text()
        } catch let error as APIError where error.isNotFound {}
        let ledger = try await opened.ledger(of: integration)
        return Matrix.Outcome(document: document, objects: world.objects, ledger: ledger.map { "\($0.kind) \($0.id)" })
    }

    /// The keys of the calls whose return is journalled, by what the journal says now and what it has said.
    private func returned() async throws -> Set<String> {
        let opened = try await open()
        var keys = Set(world.lines(of: .returns))
        for attempt in try await opened.history(of: integration) where attempt.outcome == .succeeded {
            keys.insert(attempt.idempotencyKey)
        }
        if let call = try await opened.entry(of: integration).record.call, call.hasReturned {
            keys.insert(call.idempotencyKey)
        }
        return keys
    }

    // MARK: Dying

    /// Lets processes meet their fates, one after the other, and then others reach the end.
    func row(_ fates: [Child.Fate], expecting expected: Matrix.Outcome) async throws -> Matrix.Row {
        var complaints: [String] = []
        var returned = try await self.returned()
        var known = world.calls.count
        let ends = parts.map { ($0, Child.Fate.reachesTheEnd) }
        for (index, (part, fate)) in (fates.map { (.main, $0) } + ends).enumerated() {
            let end = try await child(part, fate).start()
            let calls = world.calls
            for call in calls.dropFirst(known) where returned.contains(call.key) {
                complaints.append("\(call.function) was called again although its return was journalled")
            }
            known = calls.count
            returned = try await self.returned()
            switch (end, fate) {
            case (.killed, .dies), (.ended(0), .goesOn), (.refused, .goesOn), (.ended(0), .reachesTheEnd): break
            // A recovery may be shorter than the point at which it was to be interrupted.
            case (.ended(0), .dies) where index > 0: break
            default: complaints.append("it ended with \(end): \(world.lines(of: .errors).joined(separator: "; "))")
            }
        }
        let opened = try await open()
        let superseded = try await superseded(in: opened)
        complaints += wrongCalls(superseded)
        if complaints.isEmpty { complaints += world.lines(of: .errors) }
        var found = try await outcome(in: opened)
        if !superseded.isEmpty { found.objects = Set(found.objects).sorted() }
        if found.document != expected.document { complaints.append("the document is \(found.document ?? "gone")") }
        if found.objects != expected.objects { complaints.append("in the other system there is \(found.objects)") }
        if found.ledger != expected.ledger { complaints.append("the ledger lists \(found.ledger)") }
        complaints += try await leftovers(in: opened)
        let deaths = world.lines(of: .deaths)
        if deaths.isEmpty { complaints.append("nobody died") }
        let row = Matrix.Row(
            deaths: deaths, calls: Self.summary(world.calls), objects: found.objects,
            isDocumentAsExpected: found.document == expected.document, complaints: complaints)
        if complaints.isEmpty { try? FileManager.default.removeItem(atPath: world.folder) }
        return row
    }

    /// The keys of calls that were in doubt when somebody had something else called. Such a call is forgotten but for the
    /// history: to save the same settings again is a call of its own then.
    private func superseded(in opened: any TransactionalStore) async throws -> Set<String> {
        guard scenario.errandBeside != nil else { return [] }
        let inDoubt = try await opened.history(of: integration).filter { $0.outcome == .inDoubt }
        return Set(inDoubt.filter { $0.function == .persistSettings }.map(\.idempotencyKey))
    }

    /// What is wrong with the calls, all of them together.
    private func wrongCalls(_ superseded: Set<String>) -> [String] {
        let calls = world.calls
        var complaints: [String] = []
        for (function, calls) in Dictionary(grouping: calls, by: \.function) {
            if Set(calls.map(\.key)).subtracting(superseded).count > 1 {
                complaints.append("\(function) was called with several keys")
            }
            if scenario.isNeverCalled.contains(function) { complaints.append("\(function) was called for nothing") }
        }
        for (key, calls) in Dictionary(grouping: calls, by: \.key) {
            let functions = Set(calls.map(\.function)).sorted()
            if functions.count > 1 {
                complaints.append("\(functions.joined(separator: " and ")) were called with one key, \(key)")
            }
        }
        return complaints
    }

    /// What the journal should not have any more.
    private func leftovers(in opened: any TransactionalStore) async throws -> [String] {
        let entry = try await opened.entry(of: integration)
        var complaints: [String] = []
        if let lease = entry.lease { complaints.append("\(lease.holder) still has the lease") }
        if !entry.record.isEmpty { complaints.append("the journal still says \(entry.record)") }
        if try await opened.snapshot(of: integration) != nil { complaints.append("there still is a snapshot") }
        return complaints
    }

    /// The calls in order, how often each was made in a row.
    private static func summary(_ calls: [World.Call]) -> String {
        var counts: [(function: String, count: Int)] = []
        for call in calls {
            if counts.last?.function == call.function {
                counts[counts.count - 1].count += 1
            } else {
                counts.append((call.function, 1))
            }
        }
        return counts.map { $0.count > 1 ? "\($0.function)×\($0.count)" : $0.function }.joined(separator: " ")
    }
}
