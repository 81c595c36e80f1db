import Foundation

// Records are written at every step, so that they are put together by hand: one object, its members left out where they
// say nothing. What decodes and encodes them otherwise goes the same way.

extension FlowRecord {
    /// The record as it is stored.
    package var json: JSON {
        var json: JSON = [:]
        if memory != InstallMachine.Memory(), let memory = try? JSON(encoding: memory) { json["memory"] = memory }
        if let call { json["call"] = call.json }
        if let parked { json["parked"] = parked.json }
        return json
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
        try json.encode(to: encoder)
    }
}

extension FlowRecord.Parked {
    fileprivate var json: JSON {
        var json: JSON = ["function": function.stored, "reason": JSON(reason), "since": JSON(since.milliseconds)]
        if let step { json["step"] = step.stored }
        return json
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
        try json.encode(to: encoder)
    }
}

extension FlowRecord.Call {
    fileprivate var json: JSON {
        var json: JSON = [
            "function": function.stored, "key": JSON(idempotencyKey), "attempt": JSON(attempt), "holder": JSON(holder),
            "started": JSON(started.milliseconds),
        ]
        if let step { json["step"] = step.stored }
        if let pending { json["pending"] = pending }
        if recoveries != 0 { json["recoveries"] = JSON(recoveries) }
        switch state {
        case .started: break
        case .returned(let answer): json["returned"] = answer
        case .failed(let failure): json["failed"] = failure.stored
        }
        return json
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
        try json.encode(to: encoder)
    }
}

extension Attempt {
    /// The attempt as it is stored.
    package var stored: JSON {
        var json: JSON = [
            "function": function.stored, "key": JSON(idempotencyKey), "number": JSON(number), "holder": JSON(holder),
            "started": JSON(started.milliseconds), "ended": JSON(ended.milliseconds),
        ]
        if let step { json["step"] = step.stored }
        switch outcome {
        case .succeeded: break
        case .failed(let failure): json["failed"] = failure.stored
        case .inDoubt: json["inDoubt"] = true
        case .resolvedAsCompleted(let reason): json["resolvedAsCompleted"] = JSON(reason)
        case .resolvedToRerun(let reason): json["resolvedToRerun"] = JSON(reason)
        }
        return json
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
        try stored.encode(to: encoder)
    }
}

// MARK: - Parts

extension ConnectorFunction {
    /// The kind, and where that is not all, the name.
    fileprivate var stored: JSON {
        switch self {
        case .installer(let name): ["installer": JSON(name)]
        case .uninstaller(let name): ["uninstaller": JSON(name)]
        case .connectorInstaller: "connectorInstaller"
        case .preUninstall: "preUninstall"
        case .connectorUninstaller: "connectorUninstaller"
        case .update(let version): ["update": JSON(version.description)]
        case .setting(let name): ["setting": JSON(name)]
        case .hook(let name): ["hook": JSON(name)]
        case .wrapper(let name): ["wrapper": JSON(name)]
        case .utility(let name): ["utility": JSON(name)]
        }
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
    fileprivate var stored: JSON {
        var json: JSON = ["index": JSON(index)]
        if let name { json["name"] = JSON(name) }
        if let installerFunction { json["installerFunction"] = JSON(installerFunction) }
        if let uninstallerFunction { json["uninstallerFunction"] = JSON(uninstallerFunction) }
        return json
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
