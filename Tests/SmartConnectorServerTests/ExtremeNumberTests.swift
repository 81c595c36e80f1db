import Limits
import SmartConnector
import SmartConnectorServer
import SmartConnectorTesting
import Testing

/// The largest and smallest numbers, of a configuration and from other systems: the server goes on serving.
@Suite(.ends(within: .minutes(3)))
struct ServerExtremeNumberTests {
    @Test(arguments: [Int.max, 0, .min])
    func itIsConfiguredWithAnyNumbers(_ number: Int) async throws {
        var configuration = HTTPServer.Configuration()
        configuration.maximumBodySize = max(number, 10)
        configuration.maximumHeaderSize = number
        configuration.maximumConnections = number
        configuration.maximumConnectionsPerAddress = number
        configuration.idleTimeout = number > 0 ? .seconds(Int64.max) : .seconds(Int64(number))
        configuration.receiveTimeout = .seconds(Int64.max)
        try await serving(Canned { _ in HTTPResponse(json: ["success": true]) }, configuration) { server in
            let small = try await server.send("GET", "/")
            #expect(small.status == 200)
            guard number == .max else { return }
            let large = try await server.send("POST", "/", Array(repeating: 0x20, count: 3 << 20))
            #expect(large.status == 200)
        }
    }

    @Test(arguments: [Int.min, -1, 0, 99, 100, 1000, Int(UInt32.max) + 200, .max])
    func aStatusThatIsNoneIsAnErrorOfTheServer(_ status: Int) async throws {
        try await serving(Canned { _ in HTTPResponse(status: status, json: [:]) }) { server in
            let answer = try await server.send("GET", "/")
            #expect(answer.status == 500)
        }
    }

    @Test(arguments: [Duration.seconds(Int64.max), .seconds(Int64.min), .zero])
    func aWaitOfAnyLengthIsHandedOn(_ wait: Duration) async throws {
        let store = InMemoryIntegrationAPI()
        store.fail(.list, with: APIError(.busy, "locked", status: 503, retryAfter: wait))
        var configuration = LocalIntegrator.Configuration(token: Secret("U"))
        configuration.pageSize = .min
        let integrator = LocalIntegrator(configuration, store: store) { _ in nil }
        try await serving(integrator) { server in
            let refused = try await server.send("GET", "/v1/integrations", token: "U")
            #expect(refused.status == 503)
            #expect(refused.header("Retry-After") == (wait > .zero ? "3153600000" : "1"))
            let served = try await server.send("GET", "/v1/integrations", token: "U")
            #expect(served.status == 200)
        }
    }
}
