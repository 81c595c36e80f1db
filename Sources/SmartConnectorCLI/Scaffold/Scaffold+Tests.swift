import SmartConnector

/// The tests: one for each function of a step.
extension Scaffold {
    var stepTests: String {
        var tests = steps.enumerated().flatMap { index, step in self.tests(of: step, at: index) }
        if steps.isEmpty { tests.append(Self.installerTest) }
        if document.settings.map({ !$0.isNull }) == true { tests.append(Self.settingsTest) }
        return """
            import SmartConnector
            import Testing

            @testable import \(name.module)

            /// Each step of integration.json by itself: a test fails until the function is written that it names.
            @Suite struct StepTests {
            \(tests.joined(separator: "\n\n"))
            }

            """
    }

    private func tests(of step: InstallStep, at index: Int) -> [String] {
        let name = step.name.map { ", \($0)" } ?? ""
        var tests: [String] = []
        if let function = step.installerFunction {
            tests.append(
                test("\(function) installs step \(index)\(name)", "step\(index)IsInstalled", "installing: \(index)"))
        } else {
            tests.append(
                test("step \(index)\(name) waits for a person", "step\(index)WaitsForAPerson", "completing: \(index)"))
        }
        if let function = step.uninstallerFunction {
            tests.append(
                test("\(function) undoes step \(index)\(name)", "step\(index)IsUndone", "undoing: \(index)"))
        }
        return tests
    }

    private func test(_ title: String, _ name: String, _ run: String) -> String {
        """
            @Test(\(title.swiftLiteral))
            func \(name)() async throws {
                let problem = try await StepRun(\(run)).problem
                #expect(problem == nil)
            }
        """
    }

    private static let installerTest = """
            @Test("the connector's installer writes steps")
            func theInstallerWritesSteps() async throws {
                let run = try await StepRun.installerAlone()
                #expect(run.problem == nil)
                #expect(run.document?.steps.isEmpty == false)
            }
        """

    private static let settingsTest = """
            @Test("settings are saved")
            func settingsAreSaved() async throws {
                let problem = try await StepRun(saving: [:]).problem
                #expect(problem == nil)
            }
        """

    var stepRun: String {
        """
        import Foundation
        import SmartConnector
        import SmartConnectorTesting

        @testable import \(name.module)

        /// One function, called as it is in an installation, with the rest of integration.json as it then is.
        struct StepRun {
            private let api = InMemoryIntegrationAPI()
            private let id: String
            /// What is to be done, where it was not done.
            let problem: String?

            /// Installs a step: all others are done.
            init(installing step: Int) async throws {
                try await self.init(.install, isCompleted: { $0 != step }) { try await $0.run().finish() }
            }

            /// Installs up to a step that has no function, and says that a person has done it.
            init(completing step: Int) async throws {
                try await self.init(.install, isCompleted: { $0 != step }) { flow in
                    guard case .needsPerson = try await flow.run().finish() else { return .done }
                    return try await flow.complete(String(step)).finish()
                }
            }

            /// Undoes a step: all others are undone.
            init(undoing step: Int) async throws {
                try await self.init(.uninstall, isCompleted: { $0 == step }) { try await $0.uninstall().finish() }
            }

            /// Saves settings, when all is installed.
            init(saving settings: JSON) async throws {
                try await self.init(.settings, isCompleted: { _ in true }) {
                    try await $0.saveSettings(settings).finish()
                }
            }

            /// Calls the connector's own installer, which comes before all steps.
            static func installerAlone() async throws -> StepRun {
                try await StepRun(.install, isCompleted: { _ in false }) { try await $0.advance().finish() }
            }


        """ + Self.stepRunDocument
    }

    /// The rest of it: how a run is made, and of which document.
    private static let stepRunDocument = """
            /// The document as it is now; nil where it is gone.
            var document: Integration? { api[id] }

            private init(
                _ mode: Mode, isCompleted: (Int) -> Bool, drive: (InstallFlow) async throws -> Outcome
            ) async throws {
                var document = try Self.published()
                document.mode = mode
                for index in document.steps.indices { document[step: index]?.isCompleted = isCompleted(index) }
                guard let id = try await api.create(document).integration.id else { throw CocoaError(.fileReadUnknown) }
                self.id = id
                let outcome = try await drive(
                    InstallFlow(integration: id, connector: makeConnector(), api: api, journal: InMemoryJournal()))
                problem = outcome.reason?.message
            }

            /// integration.json, in the folder of the package.
            static func published() throws -> Integration {
                var folder = URL(fileURLWithPath: #filePath)
                for _ in 0..<3 { folder.deleteLastPathComponent() }
                return try Integration(JSON(parsing: Data(contentsOf: folder.appendingPathComponent("integration.json"))))
            }
        }

        """
}
