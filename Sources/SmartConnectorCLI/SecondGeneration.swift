import Foundation
import SmartConnector

/// An integration of the platform's second generation, for those who look at it. Nothing here drives it.
struct SecondGeneration {
    let integration: Integration
    /// Why it is not driven.
    let refusal: SmartConnectorError

    init(_ integration: Integration, _ refusal: SmartConnectorError) {
        (self.integration, self.refusal) = (integration, refusal)
    }

    func show(_ output: Output) {
        if output.isJSON { return output.print(json: json) }
        output.print([Row([integration.name ?? "(no name)", integration.id ?? ""])])
        let version = integration["version"].flatMap { $0.isNull ? nil : ", version \($0.string ?? $0.text())" } ?? ""
        output.print(line: "second generation, mode \(integration["mode"]?.string ?? "none")\(version)")
        for list in integration.secondGenerationSteps {
            output.print(line: "\(list.list):")
            let current = list.steps.firstIndex { $0["completed"]?.bool != true }
            output.print(list.steps.enumerated().map { index, step in row(step, index, isCurrent: index == current) })
        }
        output.print(line: "next: \(refusal)", indent: 6)
    }

    private func row(_ step: JSON, _ index: Int, isCurrent: Bool) -> Row {
        let isCompleted = step["completed"]?.bool == true
        let mark = isCompleted ? "✓" : isCurrent ? "▸" : " "
        return Row([
            "  \(mark) \(index)", step["name"]?.string ?? "", step["type"]?.string ?? "",
            step["function"]?.string ?? "",
            isCurrent ? "← current" : "",
        ])
    }

    private var json: JSON {
        var json: JSON = [
            "_id": .optional(integration.id), "name": .optional(integration.name), "generation": 2,
            "mode": integration["mode"] ?? .null, "version": integration["version"] ?? .null,
        ]
        for list in integration.secondGenerationSteps { json[list.list] = JSON(list.steps) }
        json["next"] = .null
        json["nextError"] = JSON(refusal.message)
        json["format"] = JSON(Output.format)
        json["integration"] = .optional(integration.id)
        json["time"] = JSON(Date().shown)
        return json
    }
}

extension Session {
    /// Shows an integration that is not driven, for that reason.
    func showSecondGeneration(_ id: String, _ refusal: SmartConnectorError) async throws {
        SecondGeneration(try await place.store().get(id).integration, refusal).show(output)
    }
}
