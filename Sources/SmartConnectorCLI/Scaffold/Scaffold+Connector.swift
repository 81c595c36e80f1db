import SmartConnector

/// The functions, each of which says what it has to do.
extension Scaffold {
    /// A function of steps, and which steps they are.
    private struct StepFunction {
        let function: ConnectorFunction
        var steps: [Int]
    }

    /// The functions that steps name, each once: steps may share them.
    private var stepFunctions: [StepFunction] {
        var found: [StepFunction] = []
        var places: [ConnectorFunction: Int] = [:]
        for (index, step) in steps.enumerated() {
            for function in step.functions {
                if let place = places[function] {
                    found[place].steps.append(index)
                } else {
                    places[function] = found.count
                    found.append(StepFunction(function: function, steps: [index]))
                }
            }
        }
        return found
    }

    var connector: String {
        let parts = stepFunctions.map(text) + ofConnector
        let declaration = parts.isEmpty ? "let" : "var"
        return """
            import SmartConnector

            /// The functions, by the names that integration.json gives them.
            ///
            /// A function is called again when nobody knows what became of the call before: one that makes something looks first
            /// whether it is there, and one that removes something succeeds where it is gone. `call.idempotencyKey` is then the same.
            func makeConnector() -> Connector {
                \(declaration) connector = Connector(id: \((document.connectorID ?? Self.unknownConnectorID).swiftLiteral))

            \(parts.joined(separator: "\n\n").indented(4))
                return connector
            }

            """
    }

    private func text(of function: StepFunction) -> String {
        let titles = function.steps.map { index in
            "// Step \(index)" + (steps[index].name.map { ": \($0.printable)" } ?? "")
        }
        let step = steps[function.steps[0]]
        let (registration, task) =
            switch function.function {
            case .uninstaller: ("uninstaller", Self.undoing(step))
            default: ("installer", Self.installing(step))
            }
        return """
            \(titles.joined(separator: "\n"))
            connector.\(registration)(\(function.function.name.swiftLiteral)) { call in
                throw FunctionFailure.notWritten(
                    \("the \(registration) \(function.function.name)".swiftLiteral),
                    \(task.swiftLiteral))
            }
            """
    }

    private static func installing(_ step: InstallStep) -> String {
        if step.connectionID != nil {
            return
                "look whether the connection call.step()?.connectionID works; return .notYet(…) until the user has entered what it needs, then .completed"
        }
        if step.installURL?.isEmpty == false {
            return
                "look whether what the step's installURL leads to is done; return .notYet(…) until it is, then .completed"
        }
        return
            "make what this step is about, unless it is there already; note it with call.ledger.created(…) and return .completed"
    }

    private static func undoing(_ step: InstallStep) -> String {
        step.connectionID != nil
            ? "forget what the connection was given; return .completed, also where it is gone already"
            : "remove what the installer made, which call.ledger.entries(of:) lists; note it with call.ledger.removed(…) and return .completed, also where it is gone already"
    }

    /// The functions for the connector as a whole that the document has a use for.
    private var ofConnector: [String] {
        var parts: [String] = []
        if steps.isEmpty || document.names("installerFunction") {
            parts.append(
                """
                // Called first, where the document has no steps: it writes them.
                connector.connectorInstaller { call in
                    throw FunctionFailure.notWritten(
                        "the connector's installer",
                        "write the steps: call.api.edit(call.integrationID) { $0[\\"install\\"] = … }")
                }
                """)
        }
        if document.settings.map({ !$0.isNull }) == true {
            parts.append(
                """
                // What the user wants to change is in call.pending; .rejected("why") refuses it.
                connector.persistSettings { call in
                    .saved
                }
                """)
        }
        if document.settings?.hasRefreshableField == true {
            parts.append(
                """
                // Answers the options of a field that has supportsRefresh.
                connector.refreshMetadata { call in
                    .null
                }
                """)
        }
        if document.names("preUninstallFunction") {
            parts.append(
                """
                // Which steps are undone, in which order; else all of them, the last one first.
                connector.preUninstall { call in
                    .reverse
                }
                """)
        }
        if document.names("uninstallerFunction") {
            parts.append(
                """
                // Called when all steps are undone: removes what belongs to no step.
                connector.connectorUninstaller { call in
                }
                """)
        }
        if let version = document.version {
            parts.append(
                """
                // The version that integration.json is of. A newer one that has something to change is an update with a function.
                connector.update(to: \(version.description.swiftLiteral))
                """)
        }
        return parts
    }

    static let notWritten = """
        import SmartConnector

        extension FunctionFailure {
            /// What a function answers that is still to be written. When there is none left, this file can go.
            static func notWritten(
                _ function: String, _ task: String, file: StaticString = #fileID, line: Int = #line
            ) -> FunctionFailure {
                FunctionFailure(
                    code: "not_written", message: "\\(function) is still to be written, in \\(file):\\(line): \\(task)",
                    isRetryable: false)
            }
        }

        """
}

extension InstallStep {
    /// The functions that it names.
    var functions: [ConnectorFunction] {
        [installerFunction.map(ConnectorFunction.installer), uninstallerFunction.map(ConnectorFunction.uninstaller)]
            .compactMap(\.self)
    }
}

extension Integration {
    /// Whether a member names a function for the connector as a whole, as its record does.
    fileprivate func names(_ member: String) -> Bool { self[member]?.string?.isEmpty == false }
}

extension JSON {
    /// Whether the options of any field in it can be asked for anew.
    fileprivate var hasRefreshableField: Bool {
        if let array { return array.contains(where: \.hasRefreshableField) }
        guard let members else { return false }
        return members.contains { name, value in
            name == "supportsRefresh" ? value.bool == true : value.hasRefreshableField
        }
    }
}

extension String {
    /// Every line that has something on it, further to the right.
    fileprivate func indented(_ spaces: Int) -> String {
        split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.isEmpty ? "" : String(repeating: " ", count: spaces) + $0 }.joined(separator: "\n")
    }
}
