import Foundation
import SmartConnector

/// What has happened, and what to do where nobody knows.
extension Command {
    static let recovering = [
        Command("history", "ID", count: 1...1, help: "show every call that was made: when, by whom, with what outcome")
        {
            context in
            try await history(context)
        },
        Command(
            "resolve", "ID", count: 1...1,
            options: [
                Option(name: "--completed", value: nil, help: "the function did its work"),
                Option(name: "--rerun", value: nil, help: "it did not, or may do it again: call it again"),
                Option(name: "--reason", value: "TEXT", help: "how that is known; kept in the history"),
            ],
            help: "say what became of a call that never returned"
        ) { context in
            let (isCompleted, isRerun) = (context.arguments.has("--completed"), context.arguments.has("--rerun"))
            guard isCompleted != isRerun, let reason = context.arguments["--reason"], !reason.isEmpty else {
                throw UsageError(
                    description:
                        "resolve takes one of two answers and a reason: \(context.program.name) resolve ID --completed|--rerun --reason TEXT"
                )
            }
            return try await drive(context, callsFunctions: false) { flow in
                flow.resolve(tookEffect: isCompleted, reason: reason)
            }
        },
        Command("resume", "ID", count: 1...1, help: "go on with what was given up, or with an update that failed") {
            context in
            try await drive(context) { flow in flow.resume() }
        },
        Command(
            "abort-update", "ID", count: 1...1,
            help: "give up an update: settings and install as before it, the integration usable again"
        ) { context in
            try await drive(context, callsFunctions: false) { flow in flow.abortUpdate() }
        },
        Command("unlock", "ID", count: 1...1, help: "take the lease away from whoever drives an integration") {
            context in
            let evicted = try await context.journal().unlock(context.id, evicting: nil)
            if context.isJSON {
                let answer: JSON = ["evicted": .optional(evicted?.holder)]
                context.console.print(answer.text())
            } else {
                context.console.print(evicted.map { "evicted \($0.holder)" } ?? "nobody holds a lease")
            }
            return .done
        },
        Command("leftovers", "ID", count: 1...1, help: "list what its functions made in other systems and is not gone")
        {
            context in
            let ledger = try await context.journal().ledger(of: context.id)
            if context.isJSON {
                for entry in ledger { context.console.print(try JSON(encoding: entry).text()) }
            } else {
                for entry in ledger {
                    context.console.print("\(entry.line), \(entry.created.formatted(JSON.dateFormat))")
                }
                if ledger.isEmpty { context.console.print("nothing is left") }
            }
            return .done
        },
    ]

    private static func history(_ context: Context) async throws -> ExitCode {
        let journal = try await context.journal()
        let attempts = try await journal.history(of: context.id)
        let entry = try await journal.entry(of: context.id)
        if attempts.isEmpty, entry == JournalEntry() {
            // Nothing is known: is there such an integration at all?
            _ = try await context.store().get(context.id)
        }
        if context.isJSON {
            for attempt in attempts { context.console.print(attempt.json.text()) }
            return .done
        }
        for attempt in attempts { context.console.print(attempt.line) }
        if let call = entry.record.call, call.isInDoubt {
            context.console.print(
                "\(call.started.formatted(JSON.dateFormat))  \(call.title)  has not returned  \(call.holder)")
        }
        if let parked = entry.record.parked { context.console.print("parked: \(parked.reason)") }
        if let lease = entry.lease {
            let until = lease.expires.map { " until \($0.formatted(JSON.dateFormat))" } ?? ""
            context.console.print("being driven by \(lease.holder)\(until)")
        }
        if attempts.isEmpty { context.console.print("no function has been called") }
        return .done
    }
}

extension FlowRecord.Call {
    fileprivate var title: String { Attempt.title(function, step, attempt) }
}

extension Attempt {
    fileprivate static func title(_ function: ConnectorFunction, _ step: StepReference?, _ number: Int) -> String {
        let version = if case .update(let version) = function { " \(version)" } else { "" }
        let place = step.map { " (step \($0.index))" } ?? ""
        return "\(function.kind) \(function.name)\(version)\(place) #\(number)"
    }

    fileprivate var line: String {
        let duration = Int((ended.timeIntervalSince(started) * 1000).rounded())
        let how =
            switch outcome {
            case .succeeded: "succeeded in \(duration) ms"
            case .failed(let failure): "failed in \(duration) ms: \(failure)"
            case .inDoubt: "never returned: whether it took effect is in doubt"
            case .resolvedAsCompleted(let reason): "taken as done: \(reason)"
            case .resolvedToRerun(let reason): "to be called again: \(reason)"
            }
        return "\(started.formatted(JSON.dateFormat))  \(Self.title(function, step, number))  \(how)  \(holder)"
    }

    /// The attempt as one JSON object.
    fileprivate var json: JSON {
        var json: JSON = [
            "function": JSON(function.name), "kind": JSON(function.kind), "step": step.map { JSON($0.index) } ?? .null,
            "attempt": JSON(number), "idempotencyKey": JSON(idempotencyKey), "holder": JSON(holder),
            "started": JSON(started.formatted(JSON.dateFormat)), "ended": JSON(ended.formatted(JSON.dateFormat)),
        ]
        if case .update(let version) = function { json["version"] = JSON(version.description) }
        switch outcome {
        case .succeeded: json["outcome"] = "succeeded"
        case .failed(let failure):
            json["outcome"] = "failed"
            json["code"] = JSON(failure.code)
            json["message"] = JSON(failure.message)
        case .inDoubt: json["outcome"] = "inDoubt"
        case .resolvedAsCompleted(let reason):
            json["outcome"] = "resolvedAsCompleted"
            json["reason"] = JSON(reason)
        case .resolvedToRerun(let reason):
            json["outcome"] = "resolvedToRerun"
            json["reason"] = JSON(reason)
        }
        return json
    }
}
