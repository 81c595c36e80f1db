import Limits
import SmartConnector
import SmartConnectorTesting
import Synchronization
import Testing

/// What a function is, its registration says.
@Suite(.ends(within: .minutes(3)))
struct ConnectorTests {
    /// Which task a function runs in.
    private final class Tasks: Sendable {
        private let seen = Guarded<Int?>(nil)

        var last: Int? { seen.withLock { $0 } }

        static var current: Int? { withUnsafeCurrentTask { $0?.hashValue } }

        @Sendable func note(_ call: FunctionCall) -> StepResult {
            seen.withLock { $0 = Self.current }
            return .completed
        }
    }

    private static func call(_ function: ConnectorFunction) -> FunctionCall {
        FunctionCall(
            function, connectorID: "c", integrationID: "i", idempotencyKey: "k", api: InMemoryIntegrationAPI())
    }

    @Test func aFunctionInWhichNothingIsAwaitedIsNoOtherKindOfFunction() async throws {
        let tasks = Tasks()
        var connector = Connector(id: "c")
        connector.installer("make") { tasks.note($0) }
        connector.uninstaller("drop") { tasks.note($0) }
        for function in [ConnectorFunction.installer("make"), .uninstaller("drop")] {
            #expect(try await connector.call(Self.call(function)) == ["success": true])
            #expect(tasks.last != nil && tasks.last != Tasks.current)
        }
    }

    @Test func anImmediateFunctionRunsWhereItIsCalled() async throws {
        let tasks = Tasks()
        var connector = Connector(id: "c")
        connector.immediateInstaller("make") { tasks.note($0) }
        connector.immediateUninstaller("drop") { tasks.note($0) }
        for function in [ConnectorFunction.installer("make"), .uninstaller("drop")] {
            #expect(try await connector.call(Self.call(function)) == ["success": true])
            #expect(tasks.last == Tasks.current)
        }
    }

    @Test func theConnectorsOwnFunctionsHaveNamesOfTheirOwn() async throws {
        var connector = Connector(id: "c")
        connector.connectorInstaller { _ in }
        connector.connectorUninstaller { _ in }
        #expect(connector.functions.functions == [.connectorInstaller, .connectorUninstaller])
        #expect(try await connector.call(Self.call(.connectorInstaller)) == .null)
    }
}
