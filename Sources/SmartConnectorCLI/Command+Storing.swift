import SmartConnector

/// The six endpoints of the Integration API.
extension Command {
    static let storing = [
        Command("create", "FILE", count: 1...1, help: "create an integration from a document (-: standard input)") {
            context in
            let integration = try Integration(try context.document(context.argument(0)))
            let created = try await context.store(creating: true).create(integration).integration
            if context.isJSON {
                context.print(document: created.json)
            } else {
                context.console.print(created.id ?? "")
            }
            return .done
        },
        Command("list", count: 0...0, help: "list all integrations") { context in
            try await list(context)
            return .done
        },
        Command("get", "ID", count: 1...1, help: "print an integration's document") { context in
            context.print(document: try await context.store().get(context.id).integration.json)
            return .done
        },
        Command(
            "clone", "ID", count: 1...1,
            options: [Option(name: "--name", value: "N", help: "the name of the clone")],
            help: "copy an integration, not installed yet"
        ) { context in
            let options = CloneOptions(name: context.arguments["--name"])
            let clone = try await context.store().clone(context.id, options).integration
            if context.isJSON {
                context.print(document: clone.json)
            } else {
                context.console.print(clone.id ?? "")
            }
            return .done
        },
        Command("delete", "ID", count: 1...1, help: "delete a document; what its steps made stays (see uninstall)") {
            context in
            try await context.store().delete(context.id)
            if !context.isJSON { context.console.print("deleted \(context.id)") }
            return .done
        },
    ]

    private static func list(_ context: Context) async throws {
        let store = try await context.store()
        var cursor: String?
        var isFirst = true
        if context.isJSON { context.console.write("[") }
        repeat {
            let page = try await store.list(after: cursor, limit: 500)
            for integration in page.integrations.map(\.integration) {
                if context.isJSON {
                    context.console.write((isFirst ? "" : ",") + integration.json.text())
                } else {
                    context.console.print(line(integration))
                }
                isFirst = false
            }
            cursor = page.next
        } while cursor != nil
        if context.isJSON {
            context.console.print("]")
        } else if isFirst {
            context.console.print("no integrations; '\(context.program.name) create FILE' makes one")
        }
    }

    private static func line(_ integration: Integration) -> String {
        let steps = integration.steps
        let progress = steps.isEmpty ? "" : "\(steps.count(where: \.isCompleted))/\(steps.count)"
        return [
            integration.id ?? "", (integration["mode"]?.string ?? "DIY").padded(to: 9),
            (integration["version"]?.string ?? "").padded(to: 8), progress.padded(to: 5), integration.name ?? "",
        ].joined(separator: "  ")
    }
}
