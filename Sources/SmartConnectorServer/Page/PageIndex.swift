import Foundation
import SmartConnector
import SmartConnectorWire

/// All integrations by what they are found by, read anew when that is old.
///
/// A store tells nobody what has changed in it, and to read ten thousand documents takes its time. So the order and the
/// counts are those of a moment ago, while each row that is shown is read when it is shown.
actor PageIndex {
    struct Row: Sendable {
        let id: String
        let mode: String
        /// Name, id and so on, without case and accents.
        let text: String
    }

    private let store: any IntegrationAPI
    private var rows: [Row] = []
    private(set) var damaged: [IntegrationPage.Damaged] = []
    private let uptime: @Sendable () -> Duration
    /// When the last reading ended; nil where it is not to be shown any more.
    private var taken: Duration?
    private var cost = Duration.zero
    /// Counts what was created or removed here: a reading that was under way then may not know it.
    private var changes = 0
    private var reading: Task<Void, any Error>?

    /// - Parameters:
    ///   - store: Where the integrations are.
    ///   - clock: Says how old a reading is.
    init(_ store: any IntegrationAPI, clock: any Clock<Duration> = ContinuousClock()) {
        self.store = store
        uptime = clock.elapsed()
    }

    /// All as they were a moment ago, the newest first.
    func all() async throws -> [Row] {
        // No more than a tenth of the time is spent on it, unless that would show for too long what is over: on a machine
        // that is busy with other things a reading takes long once.
        if let taken, taken + min(max(.seconds(1), cost * 10), .seconds(15)) > uptime() { return rows }
        // One that was under way may be older than what was created here since; the next one is not.
        for _ in 0..<2 {
            let task = reading ?? Task { try await read() }
            reading = task
            // Nobody waits for what changes little: whoever watches is told of it.
            if let taken, taken + Self.longestAge > uptime() { return rows }
            try await task.value
            if taken != nil { break }
        }
        return rows
    }

    /// What is older is not shown, not even for the moment until it has been read anew.
    private static var longestAge: Duration { .seconds(600) }

    /// Whether it is being read. For tests: by what they are shown alone they cannot know.
    var isReading: Bool { reading != nil }

    /// Begins to read, so that it is known when it is asked for.
    nonisolated func prepare() {
        Task {
            do {
                _ = try await all()
            } catch {
                // Whoever asks reads again, and is told.
            }
        }
    }

    /// Something was created or removed here.
    func isOld() {
        taken = nil
        changes += 1
    }

    private func read() async throws {
        defer { reading = nil }
        let (began, known) = (uptime(), changes)
        var (found, broken): ([Row], [IntegrationPage.Damaged]) = ([], [])
        try await store.eachPage { page in
            found += page.integrations.map { Row($0.integration) }
            broken += page.damaged
        }
        (rows, damaged) = (found.reversed(), broken)
        let now = uptime()
        (taken, cost) = (changes == known ? now : nil, now - began)
    }
}

extension PageIndex.Row {
    init(_ integration: Integration) {
        id = integration.id ?? ""
        mode = integration["mode"]?.string ?? "none"
        let parts = [integration.name, id, integration.connectorID, integration["version"]?.string]
        text = parts.compactMap { $0 }.joined(separator: "\n").folded
    }
}

extension String {
    /// Without case and accents, to be searched.
    var folded: String {
        let small = lowercased()
        if small.utf8.allSatisfy({ $0 < 0x80 }) { return small }
        let scalars = small.decomposedStringWithCanonicalMapping.unicodeScalars
        return String(String.UnicodeScalarView(scalars.filter { $0.properties.generalCategory != .nonspacingMark }))
    }
}

/// Which integrations are shown.
struct PageQuery: Sendable, Hashable {
    static let length = 50
    var search = ""
    var mode: String?
    var offset = 0

    init(_ request: HTTPRequest) {
        search = String((request.parameter("search") ?? "").prefix(200))
        mode = request.parameter("mode").flatMap { $0.isEmpty ? nil : $0 }
        offset = max(0, request.parameter("offset").flatMap { Int($0) } ?? 0)
    }
}

/// A part of the list.
struct PageList: Sendable {
    let rows: [JSON]
    let found: Int
    let counts: [String: Int]
    let damaged: [IntegrationPage.Damaged]
    let offset: Int

    var json: JSON {
        [
            "rows": JSON(rows), "found": JSON(found), "offset": JSON(offset), "length": JSON(PageQuery.length),
            "total": JSON(counts.values.reduce(0, +)),
            "modes": JSON(
                ["install", "settings", "uninstall"].map { ["mode": JSON($0), "count": JSON(counts[$0] ?? 0)] }),
            "damaged": JSON(
                damaged.prefix(50).map { ["id": JSON($0.id.printable), "reason": JSON($0.error.message.printable)] }),
        ]
    }
}

extension WizardPage {
    func list(_ query: PageQuery) async throws -> PageList {
        let all = try await index.all()
        let words = query.search.folded.split(separator: " ").map(String.init)
        let found = all.filter { row in words.allSatisfy { row.text.contains($0) } }
        let counts = found.reduce(into: [:]) { $0[$1.mode, default: 0] += 1 }
        let shown = found.filter { query.mode == nil || $0.mode == query.mode }
        var rows: [JSON] = []
        for row in shown.dropFirst(query.offset).prefix(PageQuery.length) {
            do {
                rows.append(try await self.row(row.id))
            } catch let error as APIError where error.isNotFound {
                // Gone since.
                await index.isOld()
            }
        }
        return PageList(
            rows: rows, found: shown.count, counts: counts, damaged: await index.damaged, offset: query.offset)
    }

    private func row(_ id: String) async throws -> JSON {
        let integration = try await integrator.store.get(id).integration
        let entry = try await journal.entry(of: id)
        let steps = integration.steps
        return [
            "id": JSON(id), "name": .optional(integration.name?.printable),
            "connector": .optional(integration.connectorID?.printable),
            "mode": .optional(integration["mode"]?.string?.printable),
            "version": .optional(integration["version"]?.string?.printable),
            "lastModified": .optional(integration.lastModified),
            "done": JSON(steps.count { $0.isCompleted }), "steps": JSON(steps.count),
            "updating": JSON(integration.isUpdateInProgress), "state": JSON(Self.state(entry)),
        ]
    }

    /// What stands out, in one word.
    private static func state(_ entry: JournalEntry) -> String {
        if entry.record.parked != nil { return "parked" }
        if entry.driver != nil { return "running" }
        if entry.callInDoubt != nil { return "doubt" }
        return entry.failure == nil ? "" : "failed"
    }
}
