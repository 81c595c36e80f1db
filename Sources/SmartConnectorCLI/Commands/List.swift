import SmartConnector

struct List: Command {
    static let name = "list"
    static let summary = "list all integrations"

    func run(_ session: Session) async throws -> ExitCode {
        let store = try await session.place.store()
        let output = session.output
        var cursor: String?
        var isFirst = true
        if output.isJSON { output.console.write("[") }
        repeat {
            let page = try await store.list(after: cursor, limit: 500)
            for integration in page.integrations.map(\.integration) {
                if output.isJSON {
                    output.console.write((isFirst ? "" : ",") + integration.json.text())
                } else {
                    output.print([row(integration)])
                }
                isFirst = false
            }
            cursor = page.next
        } while cursor != nil
        if output.isJSON {
            output.console.write("]\n")
        } else if isFirst {
            output.print("no integrations; '\(session.program) create FILE' makes one")
        }
        return .done
    }

    private func row(_ integration: Integration) -> Row {
        let steps = integration.steps
        let progress = steps.isEmpty ? "" : "\(steps.count(where: \.isCompleted))/\(steps.count)"
        return Row(
            [
                integration.id ?? "", integration["mode"]?.string ?? "DIY", integration["version"]?.string ?? "",
                progress, integration.name ?? "",
            ], widths: [0, 9, 8, 5])
    }
}
