import SmartConnector

struct List: Command {
    static let name = "list"
    static let summary = "list all integrations"
    static let examples = [[], ["--store", "postgres://db/connectors"]]

    func run(_ session: Session) async throws -> ExitCode {
        let store = try await session.place.store()
        let output = session.output
        var isFirst = true
        var damaged: [IntegrationPage.Damaged] = []
        if output.isJSON { output.console.write("[") }
        try await store.eachPage(limit: 500) { page in
            for integration in page.integrations.map(\.integration) {
                if output.isJSON {
                    output.console.write((isFirst ? "" : ",") + output.text(of: integration.json))
                } else {
                    output.print([row(integration)])
                }
                isFirst = false
            }
            // Among the others, where it would stand: it is still somebody's integration.
            if !output.isJSON { output.print(page.damaged.map { Row([$0.id, "damaged"], widths: [0, 9]) }) }
            damaged += page.damaged
        }
        if output.isJSON {
            output.console.write("]\n")
        } else if isFirst, damaged.isEmpty {
            output.print(line: "no integrations; '\(session.program) create FILE' makes one")
        }
        for integration in damaged { output.print(error: "\(integration.id): \(integration.error)") }
        return damaged.isEmpty ? .done : .badData
    }

    private func row(_ integration: Integration) -> Row {
        let others = integration.secondGenerationSteps.first?.steps.map { InstallStep($0) } ?? []
        let steps = integration.steps.isEmpty ? others : integration.steps
        let progress = steps.isEmpty ? "" : "\(steps.count(where: \.isCompleted))/\(steps.count)"
        return Row(
            [
                integration.id ?? "", integration["mode"]?.string ?? "DIY", integration["version"]?.string ?? "",
                progress, integration.name ?? "",
            ], widths: [0, 9, 8, 5])
    }
}
