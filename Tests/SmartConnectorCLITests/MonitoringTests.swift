import Foundation
import Limits
import Loopback
import Processes
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// What `serve` tells of itself, as a process.
@Suite(.ends(within: .minutes(3)))
struct MonitoringTests {
    private static let user = "user-token-\(UUID().uuidString)"
    private static let system = "system-token-\(UUID().uuidString)"

    private static func get(_ path: String, _ served: Served, token: String?) async throws -> String {
        let connection = try RawConnection(
            port: try #require(served.url.split(separator: ":").last.flatMap { Int($0) }))
        let authorization = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
        connection.write("GET \(path) HTTP/1.1\r\nHost: x\r\n\(authorization)Connection: close\r\n\r\n")
        return await connection.read()
    }

    @Test func callsOfTheStackAndOfFlowsAreCountedAndLoggedWithoutATokenAnywhere() async throws {
        let harness = try Harness()
        let served = try Served(
            harness, "bigcommerce-netsuite",
            ["--token", Self.user, "--system-token", Self.system, "--log", "json"])
        try Data(Harness.example.utf8).write(to: URL(fileURLWithPath: harness.file("example.json")))
        let place = ["--store", served.url, "--token", Self.user]
        let id = try harness.run("smartconnector", place + ["create", harness.file("example.json")]).output
            .trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(try harness.run("bigcommerce-netsuite", ["configure", "netsuite"]).status == 0)
        let functions = ["--stack", served.url, "--stack-token", Self.system, "--bearer-token", Self.user]
        // The first step is done, the second has no credentials.
        #expect(try harness.run("smartconnector", place + functions + ["run", id]).status == 1)

        for token in [nil, Self.system, "wrong"] {
            #expect(try await Self.get("/metrics", served, token: token).hasPrefix("HTTP/1.1 401 "))
        }
        let metrics = try await Self.get("/metrics", served, token: Self.user)
        for line in [
            #"calls_total{kind="installer",result="succeeded",function="verifyNetSuiteConnection"} 1"#,
            #"call_failures_total{kind="installer",function="verifyBigCommerceConnection",code="invalid_credentials"} 1"#,
            #"http_requests_total{method="POST",route="/function",status="200"} 1"#,
            #"http_requests_total{method="GET",route="/metrics",status="401"} 3"#, "campaigns_read 1",
        ] {
            #expect(metrics.contains("\nsmartconnector_\(line)\n"), "\(line)")
        }

        let (status, output) = try served.end()
        #expect(status == 0)
        let lines = try output.split(separator: "\n").dropFirst().map { try JSON(parsing: String($0)) }
        #expect(lines.allSatisfy { $0["time"]?.string != nil && $0["level"]?.string != nil && $0["event"] != nil })
        let failed = try #require(lines.first { $0["event"] == "call" && $0["result"] == "failed" })
        #expect(failed["function"] == "verifyBigCommerceConnection" && failed["code"] == "invalid_credentials")
        #expect(failed["integration"]?.string == id && failed["level"] == "warning" && failed["attempt"] == 1)
        #expect(failed["duration_ms"] != nil && failed["key"]?.string?.isEmpty == false)
        for token in [Self.user, Self.system] { #expect(!(metrics + output).contains(token)) }
    }
}
