public import SmartConnector

/// What every `IntegrationAPI` promises.
public enum IntegrationAPIConformance {
    /// The promises. Each is to be checked with an API of its own that is empty.
    public static let promises: [Promise<any IntegrationAPI>] =
        creating + reading + updating + deleting + cloning
        + depth

    private static let document: JSON = [
        "name": "Order – Bestellung", "rate": JSON(JSON.Number("1.0") ?? JSON.Number(1)),
        "unknown": ["b": 1, "a": [.null]],
        "mode": "install", "install": [["name": "One", "completed": false, "_connectionId": "old1", "extra": "x"]],
        "settings": ["connection": "old1", "other": "old12"], "version": "1.0.1",
    ]

    private static func make(_ name: String = "A") throws -> Integration {
        try Integration(["name": JSON(name)])
    }

    private static func failure(_ body: () async throws -> Void) async throws -> APIError.Code {
        do {
            try await body()
        } catch let error as APIError {
            return error.code
        }
        throw BrokenPromise(description: "an error was expected and there was none")
    }

    private static let creating: [Promise<any IntegrationAPI>] = [
        Promise("create assigns an id of 24 hexadecimal digits") { api in
            let id = try await api.create(make()).integration.id ?? ""
            try expect(id.count == 24 && id.allSatisfy { $0.isHexDigit && !$0.isUppercase }, "the id is \(id)")
        },
        Promise("create assigns _id and lastModified whatever the document says") { api in
            var integration = try make()
            integration["_id"] = "mine"
            integration["lastModified"] = "never"
            let stored = try await api.create(integration).integration
            try expect(stored.id != "mine" && stored.lastModified != "never", "it kept \(stored.json)")
            try expect(stored.json.members?.map(\.name) ?? [], is: ["name", "_id", "lastModified"], "the order")
        },
        Promise("create puts _id and lastModified first where the document has none") { api in
            let names = try await api.create(make()).integration.json.members?.map(\.name)
            try expect(names ?? [], is: ["_id", "lastModified", "name"], "the order")
        },
        Promise("lastModified is ISO 8601 with milliseconds in UTC") { api in
            let text = try await api.create(make()).integration.lastModified ?? ""
            let shape = String(text.map { $0.isNumber ? "0" : $0 })
            try expect(shape, is: "0000-00-00T00:00:00.000Z", "the shape of \(text)")
        },
        Promise("what is created is read back with order, number text and unknown members") { api in
            let created = try await api.create(try Integration(document)).integration
            var read = try await api.get(created.id ?? "").integration
            try expect(read, is: created, "the document")
            read["_id"] = nil
            read["lastModified"] = nil
            try expect(read.json.text(), is: document.text(), "the text")
        },
    ]

    private static let reading: [Promise<any IntegrationAPI>] = [
        Promise("get of an unknown id is not found") { api in
            let code = try await failure { _ = try await api.get("000000000000000000000000") }
            try expect(code, is: .notFound, "the code")
        },
        Promise("the list is empty at first") { api in
            let page = try await api.list(after: nil, limit: 10)
            try expect(page, is: IntegrationPage([]), "the page")
        },
        Promise("the list is in order of creation, page by page") { api in
            for index in 0..<5 { _ = try await api.create(make("\(index)")) }
            var names: [[String?]] = []
            var cursor: String?
            repeat {
                let page = try await api.list(after: cursor, limit: 2)
                names.append(page.integrations.map(\.integration.name))
                cursor = page.next
            } while cursor != nil
            try expect(names.flatMap(\.self), is: ["0", "1", "2", "3", "4"], "the pages together")
            try expect(names.allSatisfy { (1...2).contains($0.count) }, "a page has none or more than asked: \(names)")
        },
        Promise("a full last page has no next") { api in
            for index in 0..<2 { _ = try await api.create(make("\(index)")) }
            let next = try await api.list(after: nil, limit: 2).next
            try expect(next, is: nil, "next")
        },
        Promise("the largest limit is one like others") { api in
            for index in 0..<3 { _ = try await api.create(make("\(index)")) }
            for limit in [Int.max, Int.max - 1, Int(Int32.max)] {
                let page = try await api.list(after: nil, limit: limit)
                try expect(page.integrations.isEmpty, is: false, "whether the page is empty, asked for \(limit)")
            }
        },
        Promise("a page of none or fewer is refused, since nobody would come to the end of the list") { api in
            _ = try await api.create(make())
            for limit in [0, -1, Int.min] {
                let code = try await failure { _ = try await api.list(after: nil, limit: limit) }
                try expect(code, is: .invalid, "the code for \(limit)")
            }
        },
        Promise("a cursor that it did not give is refused, and is not the beginning") { api in
            for index in 0..<3 { _ = try await api.create(make("\(index)")) }
            for cursor in ["", "none", "-1", "99999999999999999999", "0x1", "9223372036854775808 x"] {
                let code = try await failure { _ = try await api.list(after: cursor, limit: 2) }
                try expect(code, is: .invalid, "the code for '\(cursor)'")
            }
        },
        Promise("the list goes on where its last integration was deleted meanwhile") { api in
            for index in 0..<4 { _ = try await api.create(make("\(index)")) }
            let first = try await api.list(after: nil, limit: 2)
            guard let next = first.next else { return }
            for stored in first.integrations { try await api.delete(stored.integration.id ?? "") }
            let rest = try await api.list(after: next, limit: 10).integrations.map(\.integration.name)
            try expect(
                Set(rest).isDisjoint(with: first.integrations.map(\.integration.name)), "one is listed twice: \(rest)")
        },
    ]

    private static let updating: [Promise<any IntegrationAPI>] = [
        Promise("update replaces all: a member left out is erased") { api in
            let created = try await api.create(try Integration(document)).integration
            let updated = try await api.update(created.id ?? "", to: make("B"), ifRevision: nil).integration
            let read = try await api.get(created.id ?? "").integration
            try expect(read, is: updated, "the document")
            try expect(read.json.members?.map(\.name) ?? [], is: ["_id", "lastModified", "name"], "the members")
            try expect(read.id, is: created.id, "the id")
        },
        Promise("update of an unknown id is not found") { api in
            let code = try await failure {
                _ = try await api.update("000000000000000000000000", to: make(), ifRevision: nil)
            }
            try expect(code, is: .notFound, "the code")
        },
        Promise("update with an old revision is a conflict and writes nothing") { api in
            let created = try await api.create(make())
            guard created.revision != nil else { return }
            let id = created.integration.id ?? ""
            let updated = try await api.update(id, to: make("B"), ifRevision: created.revision)
            let code = try await failure { _ = try await api.update(id, to: make("C"), ifRevision: created.revision) }
            try expect(code, is: .conflict, "the code")
            let read = try await api.get(id)
            try expect(read, is: updated, "the document")
        },
        Promise("of many who change a document by revision nobody's change is lost") { api in
            let created = try await api.create(try Integration(["name": "A", "count": 0]))
            guard created.revision != nil else { return }
            let id = created.integration.id ?? ""
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        while true {
                            var stored = try await api.get(id)
                            stored.integration["count"] = JSON((stored.integration["count"]?.int ?? 0) + 1)
                            do {
                                _ = try await api.update(id, to: stored.integration, ifRevision: stored.revision)
                                return
                            } catch let error as APIError where error.code == .conflict {}
                        }
                    }
                }
                try await group.waitForAll()
            }
            let count = try await api.get(id).integration["count"]?.int
            try expect(count, is: 8, "the count")
        },
    ]

    private static let deleting: [Promise<any IntegrationAPI>] = [
        Promise("what is deleted is gone, and deleting it again is not found") { api in
            let id = try await api.create(make()).integration.id ?? ""
            try await api.delete(id)
            let get = try await failure { _ = try await api.get(id) }
            let delete = try await failure { try await api.delete(id) }
            try expect([get, delete], is: [.notFound, .notFound], "the codes")
            let page = try await api.list(after: nil, limit: 10)
            try expect(page.integrations.count, is: 0, "the count")
        },
        Promise("what was changed since it was read is not deleted, where there are revisions") { api in
            let created = try await api.create(make())
            let id = created.integration.id ?? ""
            let changed = try await api.edit(id) { $0.name = "B" }
            if created.revision != nil {
                let code = try await failure { try await api.delete(id, ifRevision: created.revision) }
                try expect(code, is: .conflict, "the code")
                let read = try await api.get(id)
                try expect(read, is: changed, "the document")
            }
            try await api.delete(id, ifRevision: changed.revision)
            let gone = try await failure { try await api.delete(id, ifRevision: changed.revision) }
            try expect(gone, is: .notFound, "the code of one that is gone")
        },
    ]

    private static let cloning: [Promise<any IntegrationAPI>] = [
        Promise("a clone is not installed, has an id of its own and mapped connections") { api in
            var original = try Integration(document)
            original.mode = .settings
            original.isUpdateInProgress = true
            original[step: 0]?.isCompleted = true
            let created = try await api.create(original)
            let options = CloneOptions(name: "Copy", connectionMap: ["old1": "new1"], sandbox: true)
            let clone = try await api.clone(created.integration.id ?? "", options).integration
            try expect(clone.id != created.integration.id, "the clone has the original's id")
            try expect(clone.name, is: "Copy", "the name")
            try expect(clone.mode, is: .install, "the mode")
            try expect(clone.isUpdateInProgress, is: false, "updateInProgress")
            try expect(clone[step: 0]?.isCompleted, is: false, "completed")
            try expect(clone[step: 0]?.connectionID, is: "new1", "the connection")
            try expect(clone.settings, is: ["connection": "new1", "other": "old12"], "the settings")
            try expect(clone["sandbox"], is: true, "sandbox")
            try expect(clone["unknown"], is: document["unknown"], "an unknown member")
            let read = try await api.get(created.integration.id ?? "")
            try expect(read, is: created, "the original")
        },
        Promise("a clone and its original share nothing") { api in
            let created = try await api.create(try Integration(document)).integration
            let clone = try await api.clone(created.id ?? "", CloneOptions())
            try await api.delete(created.id ?? "")
            let read = try await api.get(clone.integration.id ?? "")
            try expect(read, is: clone, "the clone")
        },
        Promise("a clone without a name is called after its original") { api in
            let id = try await api.create(make("Orders")).integration.id ?? ""
            let name = try await api.clone(id, CloneOptions()).integration.name
            try expect(name, is: "Clone - Orders", "the name")
        },
        Promise("a clone of a DIY integration gets no mode") { api in
            let id = try await api.create(make()).integration.id ?? ""
            let mode = try await api.clone(id, CloneOptions()).integration["mode"]
            try expect(mode, is: nil, "the mode")
        },
        Promise("a clone of an unknown id is not found") { api in
            let code = try await failure { _ = try await api.clone("000000000000000000000000", CloneOptions()) }
            try expect(code, is: .notFound, "the code")
        },
    ]

    private static func nested(_ depth: Int) throws -> Integration {
        try Integration(["name": "A", "settings": ["x": (1..<depth - 2).reduce([]) { inner, _ in [inner] }]])
    }

    private static let depth: [Promise<any IntegrationAPI>] = [
        Promise("a document as deep as may be is stored, read, listed and changed") { api in
            let created = try await api.create(nested(JSON.maximumDocumentDepth)).integration
            let id = created.id ?? ""
            let changed = try await api.edit(id) { $0.name = "B" }.integration
            let read = try await api.get(id).integration
            let listed = try await api.list(after: nil, limit: 10).integrations.map(\.integration)
            try expect(read, is: changed, "the document")
            try expect(listed, is: [changed], "the list")
            try expect(read.settings, is: created.settings, "the settings")
        },
        Promise("a document that is too deep is not created") { api in
            for depth in [JSON.maximumDocumentDepth + 1, JSON.maximumDepth, 2 * JSON.maximumDepth] {
                let code = try await failure { _ = try await api.create(nested(depth)) }
                try expect(code, is: .tooDeep, "the code at depth \(depth)")
            }
            let page = try await api.list(after: nil, limit: 10)
            try expect(page, is: IntegrationPage([]), "the page")
        },
        Promise("a document is not made too deep, and stays as it was") { api in
            let created = try await api.create(nested(10))
            let id = created.integration.id ?? ""
            for depth in [JSON.maximumDocumentDepth + 1, 2 * JSON.maximumDepth] {
                let code = try await failure { _ = try await api.update(id, to: nested(depth), ifRevision: nil) }
                try expect(code, is: .tooDeep, "the code at depth \(depth)")
            }
            let read = try await api.get(id)
            try expect(read, is: created, "the document")
        },
    ]
}
