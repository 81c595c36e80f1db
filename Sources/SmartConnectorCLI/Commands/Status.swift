import Foundation
import SmartConnector

struct Status: Command {
    static let name = "status"
    static let summary = "show mode, version, steps and what comes next"
    static let sharedOptions: SharedOptions = [.place, .functions, .output]
    static let examples = [["$ID"], ["$ID", "--json"]]

    @Argument("ID", "the integration's _id", as: .text) var id: String

    func run(_ session: Session) async throws -> ExitCode {
        let standing: Standing
        do {
            standing = try await session.standing(of: id)
        } catch let error as SmartConnectorError where error.code == .secondGeneration {
            try await session.showSecondGeneration(id, error)
            return .done
        }
        if session.output.isJSON {
            session.output.print(json: json(standing, next(standing)))
        } else {
            show(standing, session)
        }
        return .done
    }

    /// What comes next, also where its function is missing, or why nobody can say that.
    func next(_ standing: Standing) -> Result<InstallMachine.Action, SmartConnectorError> {
        Result { () throws(SmartConnectorError) in
            try standing.machine.checkInstaller()
            return try standing.machine.plan(.continue).first ?? .none
        }
    }

    /// The screen of an integration as it stands.
    func show(_ standing: Standing, _ session: Session) {
        let (integration, output, next) = (standing.integration, session.output, next(standing))
        output.print([Row([integration.name ?? "(no name)", integration.id ?? ""])])
        output.print(
            line: "mode \(integration["mode"]?.string ?? "none")"
                + (integration["version"].flatMap { $0.isNull ? nil : ", version \($0.string ?? $0.text())" } ?? "")
                + (integration.isUpdateInProgress ? ", update in progress" : ""))
        let current = try? next.get().step?.index
        output.print(steps(standing, current: current, output.console.columns))
        for notice in standing.notices(session.program) {
            output.print(line: "\(notice.topic): \(notice.text)", indent: 6)
        }
        switch next {
        case .success(let action):
            output.print(line: "next: \(action.sentence)", indent: 6)
            if let step = action.step, let shown = integration.steps.dropFirst(step.index).first {
                let link = shown.installURL.flatMap { $0.isLink ? $0 : nil }
                for text in [shown.description, link].compactMap({ $0 }) where !text.isEmpty {
                    output.print(line: "      \(text)", indent: 6)
                }
            }
        case .failure(let error): output.print(line: "next: \(error)", indent: 6)
        }
    }

    /// A line for each step, or where they are too long two.
    private func steps(_ standing: Standing, current: Int?, _ columns: Int?) -> [Row] {
        let steps = standing.integration.steps
        let width = steps.map { ($0.name ?? "").printable.displayWidth }.max() ?? 0
        let cells = steps.enumerated().map { index, step in
            let mark = step.isCompleted ? "✓" : index == current ? "▸" : " "
            let functions = [step.installerFunction, step.uninstallerFunction].map { $0 ?? "–" }
            return (
                title: ["  \(mark) \(index)", step.name ?? ""], functions: functions.joined(separator: " / "),
                current: [
                    standing.mayExist(index) ? "may exist" : nil, index == current ? "← current" : nil,
                ].compactMap { $0 }.joined(separator: " ")
            )
        }
        let rows = cells.map { Row($0.title + [$0.functions, $0.current], widths: [0, width]) }
        if rows.allSatisfy({ $0.fits(columns) }) { return rows }
        return cells.flatMap {
            [Row($0.title + [$0.current], indent: 7), Row(["       " + $0.functions], indent: 7)]
        }
    }

    func json(_ standing: Standing, _ next: Result<InstallMachine.Action, SmartConnectorError>) -> JSON {
        let integration = standing.integration
        let action = try? next.get()
        let steps = integration.steps.enumerated().map { index, step -> JSON in
            [
                "index": JSON(index), "name": .optional(step.name), "completed": JSON(step.isCompleted),
                "installerFunction": .optional(step.installerFunction),
                "uninstallerFunction": .optional(step.uninstallerFunction),
                "current": JSON(index == action?.step?.index), "mayExist": JSON(standing.mayExist(index)),
                "installURL": .optional(step.installURL), "description": .optional(step.description),
            ]
        }
        var json: JSON = [
            "_id": .optional(integration.id), "name": .optional(integration.name),
            "mode": integration["mode"] ?? .null, "version": integration["version"] ?? .null,
            "updateInProgress": JSON(integration.isUpdateInProgress), "steps": JSON(steps),
            "next": action?.json ?? .null,
        ]
        if case .failure(let error) = next { json["nextError"] = JSON(error.message) }
        for (name, value) in standing.members { json[name] = value }
        json["format"] = JSON(Output.format)
        json["integration"] = .optional(integration.id)
        json["time"] = JSON(Date().shown)
        return json
    }
}

extension String {
    /// Whether it leads to a page: http, https, or relative. A terminal opens also what starts a program.
    var isLink: Bool {
        let beginning = prefix { !"/?#".contains($0) }
        guard let colon = beginning.firstIndex(of: ":") else { return true }
        return ["http", "https"].contains(beginning[..<colon].lowercased())
    }
}

extension JSON {
    static func optional(_ string: String?) -> JSON { string.map { JSON($0) } ?? .null }
}
