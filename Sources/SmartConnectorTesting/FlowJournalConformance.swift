public import SmartConnector

/// What every ``FlowJournal`` promises.
public enum FlowJournalConformance {
    public static let promises: [Promise<any FlowJournal>] = [
        Promise("nothing is known of an integration at first") { journal in
            let record = try await journal.record(of: "a")
            try expect(record, is: FlowRecord(), "the record")
        },
        Promise("each state of a call is read back as it was saved") { journal in
            let states: [FlowRecord.Call.State] = [
                .started, .returned(["success": true, "stepsToUpdate": [["rate": 1.5]]]),
                .failed(FunctionFailure(code: "timeout", message: "„late“\n")),
            ]
            for state in states {
                for function in functions {
                    let record = FlowRecord(
                        memory: memory,
                        call: FlowRecord.Call(
                            function: function, step: step, pending: ["a": ["b": .null]], idempotencyKey: "k-1",
                            attempt: 3, state: state))
                    try await journal.save(record, of: "a")
                    let read = try await journal.record(of: "a")
                    try expect(read, is: record, "the record")
                }
            }
        },
        Promise("integrations have records of their own, and an empty one is none") { journal in
            try await journal.save(FlowRecord(memory: memory), of: "a")
            try await journal.save(FlowRecord(memory: memory), of: "b")
            try await journal.save(FlowRecord(), of: "a")
            let (a, b) = (try await journal.record(of: "a"), try await journal.record(of: "b"))
            try expect(a, is: FlowRecord(), "the emptied record")
            try expect(b, is: FlowRecord(memory: memory), "the other record")
        },
    ]

    private static let step = StepReference(
        index: 2, name: "Ünï", installerFunction: "verify", uninstallerFunction: "remove")

    private static let memory = InstallMachine.Memory(
        uninstallOrder: [step, StepReference(index: 0)],
        update: InstallMachine.Memory.Update(target: "2.0.0-rc.1", reached: "1.9"))

    private static let functions: [ConnectorFunction] = [
        .installer("a"), .uninstaller("a"), .connectorInstaller, .preUninstall, .connectorUninstaller,
        .update("1.2.3"), .persistSettings, .hook("h"), .wrapper("w"), .utility("u"),
    ]
}
