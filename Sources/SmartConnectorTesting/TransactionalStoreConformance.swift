import Foundation
public import SmartConnector

/// What every `TransactionalStore` promises besides what an Integration API and a journal promise.
public enum TransactionalStoreConformance {
    /// The promises. Each is to be checked with a store of its own that is empty.
    public static let promises: [Promise<any TransactionalStore>] = [
        Promise("document and journal are read as of one moment") { store in
            let created = try await store.create(Integration(["name": "A"]))
            let id = created.integration.id ?? ""
            let unknown = try await store.read(id)
            try expect(unknown.entry, is: JournalEntry(), "the entry")
            try expect(unknown.stored, is: created, "the document")
            try await store.write(JournalWrite(record, by: "me", after: 0), of: id)
            let known = try await store.read(id)
            try expect(known.entry.record, is: record, "the record")
            try expect(known.entry.lease?.holder, is: "me", "the holder")
        },
        Promise("a change of the document and its settlement are written together") { store in
            let (id, stored) = try await begin(store)
            var changed = stored.integration
            changed.name = "B"
            let answer = try await store.update(
                id, to: changed, ifRevision: stored.revision, writing: settlement(after: 1))
            let read = try await store.read(id)
            try expect(read.stored, is: answer, "the stored document")
            try expect(read.stored.integration.name, is: "B", "the name")
            try expect(read.entry, is: JournalEntry(revision: 2), "the entry")
            let history = try await store.history(of: id)
            try expect(history, is: [attempt], "the history")
        },
        Promise("where the document has changed, neither is written") { store in
            let (id, stored) = try await begin(store)
            try await store.edit(id) { $0.name = "by somebody else" }
            do {
                _ = try await store.update(
                    id, to: stored.integration, ifRevision: stored.revision, writing: settlement(after: 1))
                throw BrokenPromise(description: "the write was accepted")
            } catch let error as APIError {
                try expect(error.isConflict, is: true, "whether it is a conflict")
            }
            let read = try await store.read(id)
            try expect(read.stored.integration.name, is: "by somebody else", "the name")
            try expect(read.entry.record, is: record, "the record")
            let history = try await store.history(of: id)
            try expect(history, is: [], "the history")
        },
        Promise("where the document is too deep, neither is written") { store in
            let (id, stored) = try await begin(store)
            var changed = stored.integration
            changed[setting: "x"] = (1..<JSON.maximumDocumentDepth).reduce([]) { inner, _ in [inner] }
            do {
                _ = try await store.update(
                    id, to: changed, ifRevision: stored.revision, writing: settlement(after: 1))
                throw BrokenPromise(description: "the write was accepted")
            } catch let error as APIError {
                try expect(error.code, is: .tooDeep, "the code")
            }
            let read = try await store.read(id)
            try expect(read.stored, is: stored, "the document")
            try expect(read.entry.record, is: record, "the record")
        },
        Promise("where the lease was lost, neither is written") { store in
            let (id, stored) = try await begin(store)
            _ = try await store.unlock(id, evicting: nil)
            var changed = stored.integration
            changed.name = "B"
            do {
                _ = try await store.update(
                    id, to: changed, ifRevision: stored.revision, writing: settlement(after: 1))
                throw BrokenPromise(description: "the write was accepted")
            } catch let error as SmartConnectorError {
                try expect(error.code, is: .leaseLost, "the code")
            }
            let read = try await store.get(id)
            try expect(read, is: stored, "the document")
        },
        Promise("the same write twice is done once, since its answer may have been lost") { store in
            let (id, stored) = try await begin(store)
            var changed = stored.integration
            changed.name = "B"
            let first = try await store.update(
                id, to: changed, ifRevision: stored.revision, writing: settlement(after: 1))
            let second = try await store.update(
                id, to: changed, ifRevision: stored.revision, writing: settlement(after: 1))
            try expect(second, is: first, "the second answer")
            let history = try await store.history(of: id)
            try expect(history, is: [attempt], "the history")
        },
        Promise("deleting writes the journal too, and one that is gone is as good") { store in
            let (id, _) = try await begin(store)
            try await store.delete(id, writing: settlement(after: 1))
            try await store.delete(id, writing: settlement(after: 1))
            let entry = try await store.entry(of: id)
            try expect(entry, is: JournalEntry(revision: 2), "the entry")
            do {
                _ = try await store.get(id)
                throw BrokenPromise(description: "the integration is still there")
            } catch let error as APIError where error.isNotFound {}
            do {
                _ = try await store.read(id)
                throw BrokenPromise(description: "the integration is still there, with its journal")
            } catch let error as APIError where error.isNotFound {}
            let history = try await store.history(of: id)
            try expect(history, is: [attempt], "the history")
        },
        Promise("what was changed since it was read is not deleted, and then nothing is journalled") { store in
            let (id, stored) = try await begin(store)
            let changed = try await store.edit(id) { $0.name = "by somebody else" }
            do {
                try await store.delete(id, ifRevision: stored.revision, writing: settlement(after: 1))
                throw BrokenPromise(description: "it was deleted")
            } catch let error as APIError {
                try expect(error.isConflict, is: true, "whether it is a conflict")
            }
            let read = try await store.read(id)
            try expect(read.stored, is: changed, "the document")
            try expect(read.entry.record, is: record, "the record")
            try expect(read.entry.lease?.holder, is: "me", "the holder")
            try await store.delete(id, ifRevision: changed.revision, writing: settlement(after: 1))
            // The answer was lost; and somebody else may have been faster.
            try await store.delete(id, ifRevision: changed.revision, writing: settlement(after: 1))
            try await store.delete(
                id, ifRevision: Revision("0"), writing: JournalWrite(FlowRecord(), by: "me", after: 2))
            let entry = try await store.entry(of: id)
            try expect(entry.revision, is: 3, "the revision")
        },
        Promise("who was evicted deletes nothing, and learns that") { store in
            let (id, stored) = try await begin(store)
            _ = try await store.unlock(id, evicting: nil)
            do {
                try await store.delete(id, ifRevision: Revision("0"), writing: settlement(after: 1))
                throw BrokenPromise(description: "it was deleted")
            } catch let error as SmartConnectorError {
                try expect(error.code, is: .leaseLost, "the code")
            }
            let read = try await store.get(id)
            try expect(read, is: stored, "the document")
        },
        Promise("no call is begun for an integration that is gone, and its lease can be released") { store in
            let (id, _) = try await begin(store)
            try await store.delete(id)
            let next = JournalWrite(record, by: "me", after: 1, attempts: [attempt])
            try await expectNotFound(next, of: id, in: store)
            let entry = try await store.entry(of: id)
            try expect(entry.revision, is: 1, "the revision")
            let history = try await store.history(of: id)
            try expect(history, is: [], "the history")
            do {
                try await store.write(JournalWrite(record, by: "other", after: 0), of: id)
                throw BrokenPromise(description: "the write of another was accepted")
            } catch let error as SmartConnectorError {
                try expect(error.code, is: .leaseLost, "the code for who has no lease")
            }
            try await store.write(settlement(after: 1), of: id)
            let released = try await store.entry(of: id)
            try expect(released, is: JournalEntry(revision: 2), "the entry")
        },
        Promise("no call is begun for an integration that was deleted before its first") { store in
            let id = try await store.create(Integration(["name": "A"])).integration.id ?? ""
            try await store.delete(id)
            try await expectNotFound(JournalWrite(record, by: "me", after: 0), of: id, in: store)
            let entry = try await store.entry(of: id)
            try expect(entry, is: JournalEntry(), "the entry")
        },
        Promise("what others and the functions edit while an integration is installed survives") { store in
            let fakes = FakeFunctions()
            let id = try await store.create(installation).integration.id ?? ""
            for name in ["makeA", "makeB"] {
                fakes[name].run { call in
                    try await store.edit(id) { $0.settings?[name] = "by a user" }
                    try await call.api.edit(id) { $0[step: 1]?.json["description"] = "by the function" }
                }
            }
            let outcome = try await InstallFlow(integration: id, connector: fakes.connector(), store: store).run()
                .finish()
            try expect(outcome, is: .done, "the outcome")
            let document = try await store.get(id).integration
            try expect(document.mode, is: .settings, "the mode")
            try expect(document.settings, is: ["color": "red", "makeA": "by a user", "makeB": "by a user"], "settings")
            try expect(document[step: 1]?.description, is: "by the function", "what the function wrote")
            try expect(fakes.callNames, is: ["makeA", "makeB"], "the calls")
            let entry = try await store.entry(of: id)
            try expect(entry.record, is: FlowRecord(), "the record")
            try expect(entry.lease, is: nil, "the lease")
        },
        Promise("a later write about an integration that is not known is refused, and leaves nothing") { store in
            do {
                try await store.write(JournalWrite(record, by: "me", after: 7), of: "unknown")
                throw BrokenPromise(description: "the write was accepted")
            } catch let error as SmartConnectorError {
                try expect(error.code, is: .leaseLost, "the code")
            }
            do {
                try await store.delete("unknown")
                throw BrokenPromise(description: "there was something to delete")
            } catch let error as APIError where error.isNotFound {}
        },
        Promise("a step whose function puts another before it is the one that was done") { store in
            let fakes = FakeFunctions()
            var three = try installation
            three["install"]?.append(["name": "C", "completed": false, "installerFunction": "makeC"])
            let id = try await store.create(three).integration.id ?? ""
            fakes["makeB"].run { call in
                try await call.api.edit(id) { document in
                    document["install"] = JSON(
                        [["name": "New", "completed": true]] + (document["install"]?.array ?? []))
                }
            }
            let flow = InstallFlow(integration: id, connector: fakes.connector(), api: store, journal: store)
            let stop = try await flow.run().finish().event
            try expect(stop == nil, is: true, "whether it came to the end")
            let document = try await store.get(id).integration
            try expect(document.steps.map(\.isCompleted), is: [true, true, true, true], "what is completed")
            try expect(fakes.callNames, is: ["makeA", "makeB", "makeC"], "the calls")
        },
        Promise("many who write at once all succeed, each on its own") { store in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        let (id, stored) = try await begin(store)
                        var changed = stored.integration
                        changed.name = "number \(number)"
                        _ = try await store.update(
                            id, to: changed, ifRevision: number % 5 == 0 ? Revision("0") : stored.revision,
                            writing: settlement(after: 1))
                    }
                }
                var refused = 0
                while let result = await group.nextResult() {
                    if case .failure(let error) = result {
                        guard let error = error as? APIError, error.isConflict else { throw error }
                        refused += 1
                    }
                }
                try expect(refused, is: 8, "how many were refused")
            }
            let names = try await store.list().compactMap(\.integration.name).filter { $0.hasPrefix("number") }
            try expect(Set(names).count, is: 32, "how many were changed")
        },
    ]

    private static var installation: Integration {
        get throws {
            try Integration([
                "mode": "install", "settings": ["color": "red"],
                "install": [
                    ["name": "A", "completed": false, "installerFunction": "makeA"],
                    ["name": "B", "completed": false, "installerFunction": "makeB"],
                ],
            ])
        }
    }

    private static let record = FlowRecord(
        call: FlowRecord.Call(
            function: .installer("verify"), idempotencyKey: "k", holder: "me",
            started: Date(timeIntervalSince1970: 1_764_000_000)))

    private static let attempt = Attempt(
        function: .installer("verify"), idempotencyKey: "k", number: 1, holder: "me",
        started: Date(timeIntervalSince1970: 1_764_000_000), ended: Date(timeIntervalSince1970: 1_764_000_001),
        outcome: .succeeded)

    private static func settlement(after revision: Int64) -> JournalWrite {
        JournalWrite(FlowRecord(), by: "me", after: revision, keepingLease: false, attempts: [attempt])
    }

    private static func expectNotFound(
        _ write: JournalWrite, of id: String, in store: any TransactionalStore
    ) async throws {
        do {
            try await store.write(write, of: id)
            throw BrokenPromise(description: "the beginning of a call was accepted")
        } catch let error as APIError {
            try expect(error.isNotFound, is: true, "whether it is not found: \(error)")
        }
    }

    /// An integration whose journal says that a call is under way.
    private static func begin(_ store: any TransactionalStore) async throws -> (String, StoredIntegration) {
        let stored = try await store.create(Integration(["name": "A"]))
        let id = stored.integration.id ?? ""
        try await store.write(JournalWrite(record, by: "me", after: 0), of: id)
        return (id, stored)
    }
}
