import Foundation

// Records are written at every step, so that their text is put together by hand: one object, its members left out where
// they say nothing. What decodes and encodes them otherwise goes the same way.

extension FlowRecord {
    /// The record as it is stored: UTF-8.
    package var stored: [UInt8] { JSONWriter.text { write(to: &$0) } }

    private func write(to writer: inout JSONWriter) {
        writer.object { writer in
            if !memory.isEmpty, let memory = try? JSON(encoding: memory) {
                writer.member("memory", memory)
            }
            if let call {
                writer.name("call")
                call.write(to: &writer)
            }
            if let parked {
                writer.name("parked")
                parked.write(to: &writer)
            }
        }
    }

    /// A record that was stored.
    package init(_ json: JSON) throws {
        self.init(
            memory: try json["memory"]?.decode() ?? InstallMachine.Memory(),
            call: try json["call"].map { try Call($0) }, parked: try json["parked"].map { try Parked($0) })
    }

    public init(from decoder: any Decoder) throws {
        try self.init(JSON(from: decoder))
    }

    public func encode(to encoder: any Encoder) throws {
        try JSON(parsing: JSONWriter.text { write(to: &$0) }).encode(to: encoder)
    }
}

extension FlowRecord.Parked {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            function.write(to: &writer)
            writer.member("reason", reason)
            writer.member("since", since)
            step?.write(to: &writer)
        }
    }

    fileprivate convenience init(_ json: JSON) throws {
        self.init(
            function: try json.function, step: try json["step"].map { try StepReference(stored: $0) },
            reason: try json.text("reason"), since: try json.date("since"))
    }

    public convenience init(from decoder: any Decoder) throws {
        try self.init(JSON(from: decoder))
    }

    public func encode(to encoder: any Encoder) throws {
        try JSON(parsing: JSONWriter.text { write(to: &$0) }).encode(to: encoder)
    }
}

extension FlowRecord.Call {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            function.write(to: &writer)
            writer.member("key", idempotencyKey)
            writer.member("attempt", attempt)
            writer.member("holder", holder)
            writer.member("started", started)
            step?.write(to: &writer)
            if let pending { writer.member("pending", pending) }
            if recoveries != 0 { writer.member("recoveries", recoveries) }
            switch state {
            case .started: break
            case .returned(let answer): writer.member("returned", answer)
            case .failed(let failure): writer.member("failed", failure.stored)
            }
        }
    }

    fileprivate convenience init(_ json: JSON) throws {
        let state: State =
            if let answer = json["returned"] {
                .returned(answer)
            } else if let failure = json["failed"] {
                .failed(try FunctionFailure(stored: failure))
            } else {
                .started
            }
        self.init(
            function: try json.function, step: try json["step"].map { try StepReference(stored: $0) },
            pending: json["pending"], idempotencyKey: try json.text("key"), attempt: try json.number("attempt"),
            recoveries: json["recoveries"]?.int ?? 0, holder: try json.text("holder"),
            started: try json.date("started"), state: state)
    }

    public convenience init(from decoder: any Decoder) throws {
        try self.init(JSON(from: decoder))
    }

    public func encode(to encoder: any Encoder) throws {
        try JSON(parsing: JSONWriter.text { write(to: &$0) }).encode(to: encoder)
    }
}

extension JournalWrite {
    /// The attempts as they are stored, an array in UTF-8; nil where there are none.
    package var storedAttempts: [UInt8]? {
        guard !attempts.isEmpty else { return nil }
        return JSONWriter.text { writer in
            writer.array { writer in
                for attempt in attempts {
                    writer.element()
                    attempt.write(to: &writer)
                }
            }
        }
    }
}

extension Attempt {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            function.write(to: &writer)
            writer.member("key", idempotencyKey)
            writer.member("number", number)
            writer.member("holder", holder)
            writer.member("started", started)
            writer.member("ended", ended)
            step?.write(to: &writer)
            switch outcome {
            case .succeeded: break
            case .failed(let failure): writer.member("failed", failure.stored)
            case .inDoubt: writer.member("inDoubt", true)
            case .resolvedAsCompleted(let reason): writer.member("resolvedAsCompleted", reason)
            case .resolvedToRerun(let reason): writer.member("resolvedToRerun", reason)
            }
        }
    }

    /// An attempt that was stored.
    package convenience init(stored json: JSON) throws {
        let outcome: Outcome =
            if let failure = json["failed"] {
                .failed(try FunctionFailure(stored: failure))
            } else if json["inDoubt"] != nil {
                .inDoubt
            } else if let reason = json["resolvedAsCompleted"]?.string {
                .resolvedAsCompleted(reason: reason)
            } else if let reason = json["resolvedToRerun"]?.string {
                .resolvedToRerun(reason: reason)
            } else {
                .succeeded
            }
        self.init(
            function: try json.function, step: try json["step"].map { try StepReference(stored: $0) },
            idempotencyKey: try json.text("key"), number: try json.number("number"), holder: try json.text("holder"),
            started: try json.date("started"), ended: try json.date("ended"), outcome: outcome)
    }

    public convenience init(from decoder: any Decoder) throws {
        try self.init(stored: JSON(from: decoder))
    }

    public func encode(to encoder: any Encoder) throws {
        try JSON(parsing: JSONWriter.text { write(to: &$0) }).encode(to: encoder)
    }
}

// MARK: - Parts

extension ConnectorFunction {
    /// The kind, and where that is not all, the name.
    fileprivate func write(to writer: inout JSONWriter) {
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
        default: return nil
        }
    }
}

extension StepReference {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.name("step")
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

    fileprivate func text(_ name: String) throws -> String {
        guard let text = self[name]?.string else { throw Self.missing(name) }
        return text
    }

    fileprivate func number(_ name: String) throws -> Int {
        guard let number = self[name]?.int else { throw Self.missing(name) }
        return number
    }

    fileprivate func date(_ name: String) throws -> Date {
        Date(timeIntervalSince1970: Double(try number(name)) / 1000)
    }

    private static func missing(_ name: String) -> DecodingError {
        DecodingError.dataCorrupted(
            DecodingError.Context(codingPath: [], debugDescription: "it has no \(name), or one that cannot be"))
    }
}
