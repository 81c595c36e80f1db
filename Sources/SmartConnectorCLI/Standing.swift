import Foundation
import SmartConnector

/// An integration as it stands: what document, journal and ledger say of it together. Looking at it calls nothing.
struct Standing {
    let integration: Integration
    let machine: InstallMachine
    let entry: JournalEntry
    let leftovers: [LedgerEntry]
    /// Whether the function of the journalled call is called again where nobody knows what became of it. Nil where that is
    /// not known here, or there is no such call.
    let isCalledAgain: Bool?
    private let known: [String]

    /// - Throws: `SmartConnectorError` where the document is none that can be driven.
    init(
        _ integration: Integration, _ entry: JournalEntry, leftovers: [LedgerEntry], functions: FunctionDirectory,
        _ policy: (ConnectorFunction) -> CallPolicy?
    ) throws {
        self.integration = integration
        self.entry = entry
        machine = try InstallMachine(integration, entry, functions: functions)
        self.leftovers = leftovers
        isCalledAgain = entry.record.call.flatMap { policy($0.function) }.map { $0.inDoubt == .rerun }
        known = functions.functions.map(\.name)
    }

    /// The document's version, where it is none.
    var unreadableVersion: String? {
        if case .unreadable(let text) = integration.installedVersion { text } else { nil }
    }

    /// Whether something of a step may exist though the document does not say so.
    func mayExist(_ index: Int) -> Bool { machine.memory.touched.contains { $0.index == index } }

    /// A missing function in words, with the one that may be meant.
    private func missing(_ function: ConnectorFunction) -> String {
        let similar = known.closest(to: function.name).map { "; did you mean \($0)?" } ?? ""
        return "\(function.kind) \(function.name)\(similar)"
    }

    // MARK: In words

    /// What a person has to know beside mode and steps, each as what it is about and what there is to say.
    ///
    /// - Parameter program: What the executable is called, for what can be done.
    func notices(_ program: String) -> [(topic: String, text: String)] {
        let id = integration.id ?? "ID"
        var notices = calls(program, id)
        if let parked = entry.record.parked {
            notices.append(
                (
                    "parked",
                    "since \(parked.since.shown): \(parked.reason); see to it and take it up again: \(program) resume \(id)"
                ))
        }
        for function in machine.missingFunctions {
            notices.append(("missing", "the connector has no \(missing(function)); nothing is called until it has"))
        }
        if machine.isReopened {
            notices.append(("reopened", "the update has reopened the installation, and goes on behind it"))
        }
        if let version = unreadableVersion {
            notices.append(
                ("version", "\(version) is no version such as 1.2.0; write the installed version there to update"))
        }
        for step in machine.stepsLeftBehind {
            notices.append(("left behind", "step \(step.title): the order of undoing leaves it out"))
        }
        if !leftovers.isEmpty {
            notices.append(
                ("outside", "\(leftovers.count) made in other systems and not gone: \(program) leftovers \(id)"))
        }
        return notices
    }

    /// Who drives it, and the call that is under way, in doubt, or failed.
    private func calls(_ program: String, _ id: String) -> [(topic: String, text: String)] {
        var notices: [(topic: String, text: String)] = []
        if let driver = entry.driver {
            let since = entry.callUnderWay.map { ", \($0.title) since \($0.started.shown)" } ?? ""
            notices.append(("driven", "by \(driver.holder)\(driver.until)\(since)"))
        }
        if let call = entry.callInDoubt {
            let advice =
                switch isCalledAgain {
                // What has been given up is said, with what to do, of its own.
                case _ where entry.record.parked != nil: "nothing is called"
                case true?: "'\(program) run \(id)' calls it again, with the same key"
                case false?: "say what became of it: \(program) resolve \(id) --completed|--rerun --reason TEXT"
                case nil: "'run' calls it again, or asks for 'resolve' where its policy says so"
                }
            notices.append(
                (
                    "in doubt",
                    "\(call.title) was called at \(call.started.shown) by \(call.holder) and never returned: nobody knows whether it took effect; \(advice)"
                ))
        }
        if let (call, failure) = entry.failure { notices.append(("failed", "\(call.title): \(failure)")) }
        if let call = entry.returnedCall {
            notices.append(("returned", "\(call.title): the document does not say so yet; \(program) run \(id)"))
        }
        if entry.record.accepted != nil {
            notices.append(("accepted", "settings that are not in the document yet; \(program) run \(id)"))
        }
        return notices
    }

    // MARK: As JSON

    /// The same for programs: members that are always there.
    var members: [(name: String, value: JSON)] {
        [
            (
                "lease",
                entry.lease.map {
                    [
                        "holder": JSON($0.holder), "expires": .optional($0.expires?.shown),
                        "ended": JSON(LeaseHolder.hasEnded($0.holder)),
                    ]
                } ?? .null
            ),
            ("callUnderWay", entry.callUnderWay.map(\.json) ?? .null),
            ("callInDoubt", entry.callInDoubt.map(\.json) ?? .null),
            (
                "failure",
                entry.failure.map { call, failure in
                    var json = call.json
                    json["code"] = JSON(failure.code)
                    json["message"] = JSON(failure.message)
                    return json
                } ?? .null
            ),
            (
                "parked",
                entry.record.parked.map {
                    [
                        "function": JSON($0.function.name), "step": $0.step.map { JSON($0.index) } ?? .null,
                        "reason": JSON($0.reason), "since": JSON($0.since.shown),
                    ]
                } ?? .null
            ),
            (
                "missingFunctions",
                JSON(machine.missingFunctions.map { ["kind": JSON($0.kind), "function": JSON($0.name)] })
            ),
            ("reopened", JSON(machine.isReopened)), ("versionIsReadable", JSON(unreadableVersion == nil)),
            ("stepsLeftBehind", JSON(machine.stepsLeftBehind.map { JSON($0.index) })),
            ("leftovers", JSON(leftovers.count)),
        ]
    }
}

extension Lease {
    /// Until when, in words; empty where it ends with its process.
    var until: String { expires.map { " until \($0.shown)" } ?? "" }
}

extension Date {
    /// The time as it is shown and as JSON has it.
    var shown: String { iso8601 }
}
