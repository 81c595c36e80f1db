import Foundation

// THESE WORDS ARE ON EVERY USER'S DISK.
//
// What is journalled is JSON text: records and attempts in a database, pages in the state of integrator.io. A word that
// stands here is never changed and never given another meaning; a member may be added, where records without it keep
// their meaning. Where that is not enough, the format gets the next number, is written with it, and reads those before
// it. Golden files of each format that was released are read by a test for ever.
//
// Records are written at every step, so that their text is put together by hand: one object, its members left out where
// they say nothing.

/// The format in which the journal is kept.
///
/// | | |
/// |---|---|
/// | record | `{"memory"?, "call"?, "accepted"?: {"asked", "answer"}, "parked"?, "format"?}`; `accepted` is of format 2: settings that persistSettings has accepted; in format 1 they are a call of it with `returned` |
/// | memory | `{"uninstallOrder"?: [step …], "left"?: [step …] or "reverse"?: true or "removal"?: true, "update"?: {"target": version, "reached"?: version}, "touched"?: [step …]}`; `left`, `reverse`, `removal` and `touched` are of format 2 |
/// | call | `{"function", "key", "attempt", "holder", "started", "step"?, "pending"?, "recoveries"?, "returned"?, "failed"?, "said"?}`; `said` is of format 2: whether what `failed` has was an answer; without it, that is so with the codes `not_yet` and `rejected` |
/// | parked | `{"function", "reason", "since", "step"?}` |
/// | attempt | `{"function", "key", "number", "holder", "started", "ended", "step"?, "absent"? or "failed"? or "inDoubt"? or "resolvedAsCompleted"? or "resolvedToRerun"?, "format"?}` |
/// | act | `{"act": kind, "holder", "at", "step"?, "function"?, "person"?, "outcome"?, "reason"?, "format": 2}`, among the attempts |
/// | function | `"connectorInstaller"`, `"preUninstall"`, `"connectorUninstaller"` or `{kind: name}` |
/// | step | `{"index", "name"?, "installerFunction"?, "uninstallerFunction"?}` |
/// | failed | `{"code", "message"}` |
/// | page | `{"record", "revision", "writer"?, "holder"?, "expires"?, "attempts", "ledger", "snapshot"?, "format"?}` |
/// | page in state | a page, `"expires"` left out, and `"leaseTime"?`, `"time"?: {"clock", "milliseconds"}` |
/// | lease in state | `{"holder", "revision", "renewals", "leaseTime", "time"?, "format"?}` |
/// | ledger in state | `{"ledger", "format"?}` |
/// | entry of the ledger | `{"kind", "id", "function", "created"}` |
///
/// `leaseTime` is in milliseconds. Dates are milliseconds since 1970; `expires` and `created` of a page are ISO 8601 text.
public enum JournalFormat {
    /// The number of the newest format that this version knows. What has no number is of format 1. The number is
    /// written where something is said that format 1 has no word for, so that an earlier version refuses it.
    static let newest = 2

    /// What was written in a format that this version does not know. It is left as it is.
    public struct NewerFormat: Error, CustomStringConvertible {
        /// The number of the format.
        public let format: Int

        /// The error for whoever wanted to read it.
        ///
        /// - Parameter what: What it is, such as `the journal of integration 5f…`.
        public func apiError(_ what: String) -> APIError {
            APIError(.corrupt, "\(what) \(self)")
        }

        /// What it is and what to do.
        public var description: String {
            "was written by a newer version of this program (format \(format); this one knows \(JournalFormat.newest)): it is left as it is; update this program"
        }
    }

    /// Throws where something was written in a newer format.
    fileprivate static func check(_ json: JSON) throws {
        guard let format = json["format"] else { return }
        guard let number = format.int, number >= 1 else { throw JSON.missing("format") }
        if number > newest { throw NewerFormat(format: number) }
    }
}

// MARK: - Record

extension FlowRecord {
    /// The record as it is stored: UTF-8.
    public var stored: [UInt8] { JSONWriter.text { write(to: &$0) } }

    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            if !memory.isEmpty {
                writer.name("memory")
                memory.write(to: &writer)
            }
            if let call {
                writer.name("call")
                call.write(to: &writer)
            }
            if let accepted {
                writer.name("accepted")
                writer.object { writer in
                    writer.member("asked", accepted.asked)
                    writer.member("answer", accepted.answer)
                }
            }
            if let parked {
                writer.name("parked")
                parked.write(to: &writer)
            }
            let format = max(memory.format, call?.format ?? 1, accepted == nil ? 1 : 2)
            if format > 1 { writer.member("format", format) }
        }
    }

    /// A record that was stored.
    ///
    /// - Throws: ``JournalFormat/NewerFormat``, or `DecodingError` where it is none.
    public init(stored json: JSON) throws {
        try JournalFormat.check(json)
        self.init(
            memory: try json["memory"].map { try InstallMachine.Memory(stored: $0) } ?? InstallMachine.Memory(),
            call: try json["call"].map { try Call(stored: $0) },
            accepted: try json["accepted"].map { try AcceptedSettings(stored: $0) },
            parked: try json["parked"].map { try Parked(stored: $0) })
    }
}

extension FlowRecord.AcceptedSettings {
    fileprivate convenience init(stored json: JSON) throws {
        guard let asked = json["asked"], let answer = json["answer"] else { throw JSON.missing("accepted") }
        self.init(asked: asked, answer: answer)
    }
}

extension InstallMachine.Memory {
    /// The format that has a word for all of it.
    fileprivate var format: Int {
        guard !isEmpty else { return 1 }
        switch uninstallOrder {
        case .reverse, .removal: return 2
        case .steps(_, leaving: let leaving) where !leaving.isEmpty: return 2
        case .steps, nil: return touched.isEmpty ? 1 : 2
        }
    }

    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            switch uninstallOrder {
            case .reverse: writer.member("reverse", true)
            case .removal: writer.member("removal", true)
            case .steps(let steps, let leaving):
                writer.member("uninstallOrder", steps)
                if !leaving.isEmpty { writer.member("left", leaving) }
            case nil: break
            }
            if let update {
                writer.name("update")
                writer.object { writer in
                    writer.member("target", update.target.description)
                    if let reached = update.reached { writer.member("reached", reached.description) }
                }
            }
            if !touched.isEmpty { writer.member("touched", touched) }
        }
    }

    fileprivate init(stored json: JSON) throws {
        var update: Update?
        if let stored = json["update"] {
            let target = try stored.version("target")
            let reached = stored["reached"] == nil ? nil : try stored.version("reached")
            guard reached ?? target <= target else { throw JSON.missing("reached") }
            update = Update(target: target, reached: reached)
        }
        self.init(
            uninstallOrder: try UninstallOrder(stored: json), update: update, touched: try json.steps("touched") ?? [])
    }
}

extension InstallMachine.Memory.UninstallOrder {
    /// Nil where there is none.
    fileprivate init?(stored json: JSON) throws {
        let (listed, left) = (try json.steps("uninstallOrder"), try json.steps("left"))
        switch (listed, left, json["reverse"]?.bool, json["removal"]?.bool) {
        case (let listed?, _, nil, nil): self = .steps(listed, leaving: left ?? [])
        case (nil, nil, true, nil): self = .reverse
        case (nil, nil, nil, true): self = .removal
        case (nil, nil, nil, nil): return nil
        default: throw JSON.missing("uninstallOrder")
        }
    }
}

extension JSONWriter {
    fileprivate mutating func member(_ name: StaticString, _ steps: [StepReference]) {
        self.name(name)
        array { writer in
            for step in steps {
                writer.element()
                step.write(to: &writer)
            }
        }
    }
}

extension FlowRecord.Parked {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            function.writeMember(to: &writer)
            writer.member("reason", reason)
            writer.member("since", since)
            step?.writeMember(to: &writer)
        }
    }

    fileprivate convenience init(stored json: JSON) throws {
        self.init(
            function: try json.function, step: try json["step"].map { try StepReference(stored: $0) },
            reason: try json.text("reason"), since: try json.date("since"))
    }
}

extension FlowRecord.Call {
    /// The format that has a word for all of it.
    fileprivate var format: Int {
        switch stage {
        case .started, .returned: 1
        case .failed(let failure): failure.isRefusal ? 2 : 1
        case .refused(let failure): failure.isRefusal ? 1 : 2
        }
    }

    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            function.writeMember(to: &writer)
            writer.member("key", idempotencyKey)
            writer.member("attempt", attempt)
            writer.member("holder", holder)
            writer.member("started", started)
            step?.writeMember(to: &writer)
            if let pending { writer.member("pending", pending) }
            if recoveries != 0 { writer.member("recoveries", recoveries) }
            switch stage {
            case .started: break
            case .returned(let answer): writer.member("returned", answer)
            case .failed(let failure):
                writer.member("failed", failure.stored)
                if failure.isRefusal { writer.member("said", false) }
            case .refused(let failure):
                writer.member("failed", failure.stored)
                if !failure.isRefusal { writer.member("said", true) }
            }
        }
    }

    fileprivate convenience init(stored json: JSON) throws {
        let stage: Stage =
            if let answer = json["returned"] {
                .returned(answer)
            } else if let failure = json["failed"] {
                try Stage(stored: FunctionFailure(stored: failure), wasSaid: json["said"]?.bool)
            } else {
                .started
            }
        self.init(
            function: try json.function, step: try json["step"].map { try StepReference(stored: $0) },
            pending: json["pending"], idempotencyKey: try json.text("key"),
            attempt: try json.number("attempt", atLeast: 1),
            recoveries: json["recoveries"] == nil ? 0 : try json.number("recoveries"), holder: try json.text("holder"),
            started: try json.date("started"), stage: stage)
    }
}

extension FlowRecord.Call.Stage {
    fileprivate init(stored failure: FunctionFailure, wasSaid: Bool?) {
        self = wasSaid ?? failure.isRefusal ? .refused(failure) : .failed(failure)
    }
}

// MARK: - History

extension JournalWrite {
    /// What is added to the history as it is stored, an array in UTF-8; nil where that is nothing.
    public var storedHistory: [UInt8]? {
        guard !attempts.isEmpty || act != nil else { return nil }
        return JSONWriter.text { writer in
            writer.array { writer in
                for attempt in attempts {
                    writer.element()
                    attempt.write(to: &writer)
                }
                if let act {
                    writer.element()
                    act.write(to: &writer)
                }
            }
        }
    }
}

extension HistoryEntry {
    fileprivate func write(to writer: inout JSONWriter) {
        switch self {
        case .attempt(let attempt): attempt.write(to: &writer)
        case .act(let act): act.write(to: &writer)
        }
    }

    /// An entry that was stored.
    ///
    /// - Throws: ``JournalFormat/NewerFormat``, or `DecodingError` where it is none.
    public init(stored json: JSON) throws {
        self = json["act"] == nil ? .attempt(try Attempt(stored: json)) : .act(try Act(stored: json))
    }
}

extension Act {
    /// The act as it is stored, an array of one entry in UTF-8: what is added to the history beside any write.
    package var storedHistory: [UInt8] {
        JSONWriter.text { writer in
            writer.array { writer in
                writer.element()
                write(to: &writer)
            }
        }
    }

    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("act", kind.rawValue)
            writer.member("holder", holder)
            writer.member("at", date)
            step?.writeMember(to: &writer)
            function?.writeMember(to: &writer)
            if let person { writer.member("person", person) }
            if let outcome { writer.member("outcome", outcome) }
            if let reason { writer.member("reason", reason) }
            writer.member("format", 2)
        }
    }

    fileprivate convenience init(stored json: JSON) throws {
        try JournalFormat.check(json)
        self.init(
            Kind(rawValue: try json.text("act")), step: try json["step"].map { try StepReference(stored: $0) },
            function: json["function"] == nil ? nil : try json.function, person: json["person"]?.string,
            holder: try json.text("holder"), date: try json.date("at"), outcome: json["outcome"]?.string,
            reason: json["reason"]?.string)
    }
}

extension Attempt {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            function.writeMember(to: &writer)
            writer.member("key", idempotencyKey)
            writer.member("number", number)
            writer.member("holder", holder)
            writer.member("started", started)
            writer.member("ended", ended)
            step?.writeMember(to: &writer)
            switch outcome {
            case .succeeded: break
            case .absent: writer.member("absent", true)
            case .failed(let failure): writer.member("failed", failure.stored)
            case .inDoubt: writer.member("inDoubt", true)
            case .resolvedAsCompleted(let reason): writer.member("resolvedAsCompleted", reason)
            case .resolvedToRerun(let reason): writer.member("resolvedToRerun", reason)
            }
        }
    }

    /// An attempt that was stored.
    ///
    /// - Throws: ``JournalFormat/NewerFormat``, or `DecodingError` where it is none.
    public convenience init(stored json: JSON) throws {
        try JournalFormat.check(json)
        let outcome: Outcome =
            if let failure = json["failed"] {
                .failed(try FunctionFailure(stored: failure))
            } else if json["inDoubt"] != nil {
                .inDoubt
            } else if json["absent"] != nil {
                .absent
            } else if let reason = json["resolvedAsCompleted"]?.string {
                .resolvedAsCompleted(reason: reason)
            } else if let reason = json["resolvedToRerun"]?.string {
                .resolvedToRerun(reason: reason)
            } else {
                .succeeded
            }
        self.init(
            function: try json.function, step: try json["step"].map { try StepReference(stored: $0) },
            idempotencyKey: try json.text("key"), number: try json.number("number", atLeast: 1),
            holder: try json.text("holder"),
            started: try json.date("started"), ended: try json.date("ended"), outcome: outcome)
    }
}

// MARK: - Page

extension JournalPage {
    /// The page as it is stored.
    public var stored: JSON {
        get throws {
            let text = JSONWriter.text { writer in
                writer.object { writer in
                    writer.name("record")
                    record.write(to: &writer)
                    writer.member("revision", revision)
                    if let writtenBy { writer.member("writer", writtenBy) }
                    if let holder { writer.member("holder", holder) }
                    if let expires { writer.member("expires", expires.iso8601) }
                    writer.name("attempts")
                    writer.array { writer in
                        for entry in history {
                            writer.element()
                            entry.write(to: &writer)
                        }
                    }
                    writer.name("ledger")
                    writer.array { writer in
                        for entry in ledger {
                            writer.element()
                            entry.write(to: &writer)
                        }
                    }
                    if let snapshot { writer.member("snapshot", snapshot) }
                }
            }
            return try JSON(stored: text)
        }
    }

    /// A page that was stored.
    ///
    /// - Throws: ``JournalFormat/NewerFormat``, or `DecodingError` where it is none.
    public init(stored json: JSON) throws {
        try JournalFormat.check(json)
        guard let record = json["record"], let attempts = json["attempts"]?.array, let ledger = json["ledger"]?.array
        else { throw JSON.missing("record, attempts or ledger") }
        self.init(
            record: try FlowRecord(stored: record), revision: Int64(try json.number("revision")),
            writtenBy: json["writer"]?.string, holder: json["holder"]?.string,
            expires: json["expires"] == nil ? nil : try json.dateText("expires"),
            history: try attempts.map(HistoryEntry.init(stored:)), ledger: try ledger.map(LedgerEntry.init(stored:)),
            snapshot: json["snapshot"])
    }
}

// MARK: - State

extension StoredPage {
    /// The page as it is stored in state.
    var stored: JSON {
        get throws {
            var json = try page.stored
            if let leaseTime { json["leaseTime"] = JSON(leaseTime.storedMilliseconds) }
            if let time { json["time"] = time.stored }
            return json
        }
    }

    /// A page that was stored in state, also by a version that had the end of the lease on it: that was by another
    /// machine's clock.
    ///
    /// - Throws: ``JournalFormat/NewerFormat``, or `DecodingError` where it is none.
    init(stored json: JSON) throws {
        self.init(
            page: try JournalPage(stored: json),
            leaseTime: json["leaseTime"] == nil ? nil : .milliseconds(try json.number("leaseTime")),
            time: try json["time"].map { try StateTime(stored: $0) })
    }
}

extension StoredLease {
    /// The renewal as it is stored in state.
    var stored: JSON {
        var json: JSON = [
            "holder": JSON(holder), "revision": JSON(Int(revision)), "renewals": JSON(Int(renewals)),
            "leaseTime": JSON(leaseTime.storedMilliseconds),
        ]
        if let time { json["time"] = time.stored }
        return json
    }

    /// A renewal that was stored in state.
    ///
    /// - Throws: ``JournalFormat/NewerFormat``, or `DecodingError` where it is none.
    init(stored json: JSON) throws {
        try JournalFormat.check(json)
        self.init(
            holder: try json.text("holder"), revision: Int64(try json.number("revision")),
            renewals: Int64(try json.number("renewals")), leaseTime: .milliseconds(try json.number("leaseTime")),
            time: try json["time"].map { try StateTime(stored: $0) })
    }
}

extension StoredLedger {
    /// The ledger as it is stored in state.
    var stored: JSON {
        get throws {
            let text = JSONWriter.text { writer in
                writer.object { writer in
                    writer.name("ledger")
                    writer.array { writer in
                        for entry in entries {
                            writer.element()
                            entry.write(to: &writer)
                        }
                    }
                }
            }
            return try JSON(parsing: text)
        }
    }

    /// A ledger that was stored in state.
    ///
    /// - Throws: ``JournalFormat/NewerFormat``, or `DecodingError` where it is none.
    init(stored json: JSON) throws {
        try JournalFormat.check(json)
        guard let ledger = json["ledger"]?.array else { throw JSON.missing("ledger") }
        self.init(entries: try ledger.map(LedgerEntry.init(stored:)))
    }
}

extension StateTime {
    fileprivate var stored: JSON { ["clock": JSON(clock), "milliseconds": JSON(Int(milliseconds))] }

    fileprivate init(stored json: JSON) throws {
        self.init(
            milliseconds: Int64(try json.number("milliseconds")), clock: try json.text("clock"), resolution: .zero)
    }
}

extension Duration {
    fileprivate var storedMilliseconds: Int { Int(max(0, milliseconds(.up))) }
}

extension LedgerEntry {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("kind", kind)
            writer.member("id", id)
            writer.member("function", function)
            writer.member("created", created.iso8601)
        }
    }

    fileprivate init(stored json: JSON) throws {
        self.init(
            kind: try json.text("kind"), id: try json.text("id"), function: try json.text("function"),
            created: try json.dateText("created"))
    }
}

// MARK: - Parts

extension ConnectorFunction {
    /// The kind, and where that is not all, the name.
    fileprivate func writeMember(to writer: inout JSONWriter) {
        let (kind, name): (StaticString, String?) =
            switch self {
            case .installer(let name): ("installer", name)
            case .uninstaller(let name): ("uninstaller", name)
            case .connectorInstaller: ("connectorInstaller", nil)
            case .preUninstall: ("preUninstall", nil)
            case .connectorUninstaller: ("connectorUninstaller", nil)
            case .update(let version): ("update", version.description)
            case .setting(let name): ("setting", name)
            case .hook(let name): ("hook", name)
            case .wrapper(let name): ("wrapper", name)
            case .utility(let name): ("utility", name)
            case .untyped(let name): ("untyped", name)
            }
        writer.name("function")
        if let name { writer.object { $0.member(kind, name) } } else { writer.string(kind) }
    }

    fileprivate init?(stored json: JSON) {
        if let kind = json.string {
            switch kind {
            case "connectorInstaller": self = .connectorInstaller
            case "preUninstall": self = .preUninstall
            case "connectorUninstaller": self = .connectorUninstaller
            default: return nil
            }
            return
        }
        guard let member = json.members?.first, let name = member.value.string else { return nil }
        switch member.name {
        case "installer": self = .installer(name)
        case "uninstaller": self = .uninstaller(name)
        case "update":
            guard let version = ConnectorVersion(name) else { return nil }
            self = .update(version)
        case "setting": self = .setting(name)
        case "hook": self = .hook(name)
        case "wrapper": self = .wrapper(name)
        case "utility": self = .utility(name)
        case "untyped": self = .untyped(name)
        default: return nil
        }
    }
}

extension StepReference {
    fileprivate func writeMember(to writer: inout JSONWriter) {
        writer.name("step")
        write(to: &writer)
    }

    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("index", index)
            if let name { writer.member("name", name) }
            if let installerFunction { writer.member("installerFunction", installerFunction) }
            if let uninstallerFunction { writer.member("uninstallerFunction", uninstallerFunction) }
        }
    }

    fileprivate init(stored json: JSON) throws {
        self.init(
            index: try json.number("index"), name: json["name"]?.string,
            installerFunction: json["installerFunction"]?.string,
            uninstallerFunction: json["uninstallerFunction"]?.string)
    }
}

extension FunctionFailure {
    /// Whether it has a code of those that the engine gives to what a function answers that has done nothing. In format 1
    /// nothing else tells it from what a function throws.
    var isRefusal: Bool { code == "not_yet" || code == "rejected" }

    fileprivate var stored: JSON { ["code": JSON(code), "message": JSON(message)] }

    fileprivate init(stored json: JSON) throws {
        self.init(code: try json.text("code"), message: try json.text("message"))
    }
}

extension JSON {
    fileprivate var function: ConnectorFunction {
        get throws {
            guard let function = self["function"].flatMap(ConnectorFunction.init(stored:)) else {
                throw Self.missing("function")
            }
            return function
        }
    }

    /// Nil where there is no such member.
    fileprivate func steps(_ name: String) throws -> [StepReference]? {
        guard let stored = self[name] else { return nil }
        guard let steps = stored.array else { throw Self.missing(name) }
        return try steps.map(StepReference.init(stored:))
    }

    fileprivate func text(_ name: String) throws -> String {
        guard let text = self[name]?.string else { throw Self.missing(name) }
        return text
    }

    fileprivate func number(_ name: String, atLeast minimum: Int = 0) throws -> Int {
        // Beyond 2^53 JavaScript has no whole numbers either.
        guard let number = self[name]?.int, number >= minimum, number <= 1 << 53 else { throw Self.missing(name) }
        return number
    }

    fileprivate func date(_ name: String) throws -> Date {
        Date(milliseconds: Int64(try number(name, atLeast: -1 << 53)))
    }

    fileprivate func dateText(_ name: String) throws -> Date {
        guard let date = try? Date(text(name), strategy: JSON.dateFormat) else { throw Self.missing(name) }
        return date
    }

    fileprivate func version(_ name: String) throws -> ConnectorVersion {
        guard let version = ConnectorVersion(try text(name)) else { throw Self.missing(name) }
        return version
    }

    fileprivate static func missing(_ name: String) -> DecodingError {
        DecodingError.dataCorrupted(
            DecodingError.Context(codingPath: [], debugDescription: "it has no \(name), or one that cannot be"))
    }
}
