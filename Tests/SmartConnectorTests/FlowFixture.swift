import SmartConnector
import SmartConnectorTesting
import Synchronization
import Testing

/// An integration of three steps behind an API in memory, and fakes for its functions.
struct FlowFixture {
    let api: InMemoryIntegrationAPI
    let journal = InMemoryJournal()
    let fakes = FakeFunctions()
    let clock = TestClock()
    let id: String

    init(
        _ document: Integration = InstallMachineTests.document(), api: InMemoryIntegrationAPI = InMemoryIntegrationAPI()
    ) async throws {
        self.api = api
        id = try #require(try await api.create(document).integration.id)
    }

    /// A flow as a process of its own would make it: only API and journal are shared.
    func flow(
        with functions: [ConnectorFunction] = [], connector: Connector? = nil, options: CallOptions = CallOptions(),
        observer: (@Sendable (FlowEvent) -> Void)? = nil
    ) -> InstallFlow {
        InstallFlow(
            integration: id, connector: connector ?? fakes.connector(with: functions), api: api, journal: journal,
            options: options, configuration: InstallFlow.Configuration(clock: clock, jitter: { 0 }), observer: observer)
    }

    var document: Integration { get throws { try #require(api[id]) } }

    /// What the API was asked after the document was created.
    var requests: [InMemoryIntegrationAPI.Endpoint] { Array(api.requests.dropFirst()) }
}

extension [FlowEvent] {
    /// The events in short: name, step or function.
    var short: [String] {
        map { event in
            let json = event.json
            let details = ["step", "function", "version", "code", "from", "to"].compactMap { name in
                json[name].flatMap { $0.isNull ? nil : "\($0)" }
            }
            return ([json["event"]?.string ?? ""] + details).joined(separator: " ")
                .replacing("\"", with: "")
        }
    }
}
