import Foundation
import Limits
import SmartConnector
import SmartConnectorTesting
import SmartConnectorWire
import Synchronization
import Testing

@testable import SmartConnectorServer

/// What a server tells of itself at `/metrics`.
@Suite(.ends(within: .minutes(3)))
struct MetricsTests {
    private static let token = "metrics-token-1"

    /// A part of the repository.
    private static func file(_ path: String) throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
        return try String(contentsOf: root.appendingPathComponent(path).standardized, encoding: .utf8)
    }

    private static func ask(_ token: String? = token, _ method: String = "GET") -> HTTPRequest {
        HTTPRequest(
            method: method, path: "/metrics",
            headers: token.map { [HTTPRequest.Field("Authorization", "Bearer \($0)")] } ?? [], openConnections: 2)
    }

    private static func text(_ metrics: Metrics) async -> String {
        String(decoding: await metrics.respond(to: ask()).body, as: UTF8.self)
    }

    /// The lines of some metric, without the name that all have in common.
    private static func lines(_ metrics: Metrics, _ name: String) async -> [String] {
        await text(metrics).split(separator: "\n").filter { $0.hasPrefix("smartconnector_\(name)") }
            .map { String($0.dropFirst("smartconnector_".count)) }
    }

    private static func call(
        _ metrics: Metrics, _ function: String, _ end: FlowSpan.End = .succeeded, after duration: Duration = .zero,
        recoveries: Int = 0
    ) {
        let span = FlowSpan(
            .call, function, of: "7", connector: "c", function: .installer(function), recoveries: recoveries)
        metrics.began(span)
        metrics.ended(span, end, after: duration)
    }

    @Test func whoeverHasNotTheTokenIsToldNothing() async throws {
        let metrics = Metrics(token: Secret(Self.token))
        try await serving(metrics) { server in
            for token in [nil, "", "wrong", Self.token + "x"] {
                let answer = try await server.send("GET", "/metrics", token: token)
                #expect(answer.status == 401)
                #expect(!String(decoding: answer.body, as: UTF8.self).contains("smartconnector_"))
            }
            let answer = try await server.send("GET", "/metrics", token: Self.token)
            #expect(answer.status == 200)
            #expect(answer.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
            #expect(try await server.send("POST", "/metrics", token: Self.token).status == 405)
        }
        // Without a token of its own a server has none to show.
        #expect(await Metrics(token: Secret("")).respond(to: Self.ask("")).status == 401)
    }

    @Test func aFlowIsCountedWithItsCallsRequestsAndLease() async throws {
        let metrics = Metrics(token: Secret(Self.token))
        let (store, fakes) = (InMemoryStore(), FakeFunctions())
        fakes["makeB"].fail(code: "no_licence", times: 1)
        var connector = fakes.connector()
        connector.observer = metrics
        let document = try Integration([
            "mode": "install", "install": [["installerFunction": "makeA"], ["installerFunction": "makeB"]],
        ])
        let id = try #require(try await store.create(document).integration.id)
        let flow = InstallFlow(integration: id, connector: connector, store: store)
        _ = try await flow.run().finish()
        _ = try await flow.run().finish()
        #expect(
            await Self.lines(metrics, "calls_total") == [
                #"calls_total{kind="installer",result="failed",function="makeB"} 1"#,
                #"calls_total{kind="installer",result="succeeded",function="makeA"} 1"#,
                #"calls_total{kind="installer",result="succeeded",function="makeB"} 1"#,
            ])
        #expect(
            await Self.lines(metrics, "call_failures_total") == [
                #"call_failures_total{kind="installer",function="makeB",code="no_licence"} 1"#
            ])
        #expect(
            await Self.lines(metrics, "flows_total") == [
                #"flows_total{goal="run",result="failed",code="no_licence"} 1"#,
                #"flows_total{goal="run",result="succeeded",code=""} 1"#,
            ])
        #expect(await Self.lines(metrics, "leases_total") == [#"leases_total{result="succeeded"} 2"#])
        for gauge in ["flows_in_progress", "calls_in_progress", "leases_held"] {
            #expect(await Self.lines(metrics, gauge) == ["\(gauge) 0"])
        }
        let reads = await Self.lines(metrics, #"store_requests_total{operation="read",result="succeeded""#)
        #expect(reads.count == 1)
        // Somebody else drives it.
        try await store.write(
            JournalWrite(FlowRecord(), by: "somebody", after: store.entry(of: id).revision), of: id)
        await #expect(throws: SmartConnectorError.self) { _ = try await flow.run().finish() }
        #expect(await Self.lines(metrics, "lease_refusals_total") == ["lease_refusals_total 1"])
    }

    @Test func doubtIsCounted() async {
        let metrics = Metrics(token: Secret(Self.token))
        Self.call(metrics, "make", .inDoubt(FunctionFailure(code: "timeout", message: "slow")))
        Self.call(metrics, "make", recoveries: 1)
        #expect(
            await Self.lines(metrics, "calls_in_doubt_total") == [
                #"calls_in_doubt_total{kind="installer",function="make"} 1"#
            ])
        #expect(
            await Self.lines(metrics, "calls_repeated_total") == [
                #"calls_repeated_total{kind="installer",function="make"} 1"#
            ])
    }

    @Test func aHistogramCountsWhatTookNoLonger() async {
        let metrics = Metrics(token: Secret(Self.token))
        for milliseconds in [1, 40, 40, 700, 400_000] {
            Self.call(metrics, "make", after: .milliseconds(milliseconds))
        }
        let lines = await Self.lines(metrics, "call_duration_seconds")
        func count(_ end: String) -> String? {
            lines.first { $0.contains(#"le="\#(end)""#) }?.split(separator: " ").last.map(String.init)
        }
        #expect(count("0.001") == "1" && count("0.025") == "1" && count("0.05") == "3" && count("1") == "4")
        #expect(count("300") == "4" && count("+Inf") == "5")
        #expect(lines.contains(#"call_duration_seconds_count{kind="installer",function="make"} 5"#))
        #expect(lines.contains { $0.hasPrefix("call_duration_seconds_sum{") && $0.hasSuffix(" 400.781") })
        #expect(lines.count == Metric.buckets.count + 3)
    }

    @Test func howeverManyNamesSomebodyMakesUpTheNumberOfSeriesIsBounded() async {
        let metrics = Metrics(token: Secret(Self.token))
        func failure(_ number: Int) -> FunctionFailure { FunctionFailure(code: "code \(number)", message: "m") }
        for number in 0..<3000 {
            Self.call(metrics, "function \(number)", .failed(failure(number)))
            Self.call(metrics, "one", .failed(failure(number)))
        }
        for name in ["calls_total", "call_failures_total"] {
            let lines = await Self.lines(metrics, name)
            #expect(lines.count <= MetricTable.maximumSeries * 2, "\(name)")
            var sum = 0
            for line in lines { sum += Int(String(line.split(separator: " ").last ?? "")) ?? 0 }
            #expect(sum == 6000, "nothing is left out of \(name)")
            #expect(lines.contains { $0.contains(#""other""#) })
        }
        // What is known by name goes on being counted under it.
        Self.call(metrics, "function 7")
        #expect(
            await Self.lines(metrics, "calls_total").contains(
                #"calls_total{kind="installer",result="failed",function="function 7"} 1"#))
    }

    @Test func whatIsMadeUpCannotWriteALineOfItsOwnAndHoldsNoToken() async throws {
        let metrics = Metrics(token: Secret(Self.token), secrets: [Secret("system-token-2")])
        for text in [
            "a\"} 1\nsmartconnector_flows_in_progress 99", "\\", "\\\"", "\u{202E}x\u{1B}]0;y\u{7}",
            "\(Self.token) system-token-2", String(repeating: "x", count: 10_000), "",
        ] {
            Self.call(metrics, text, .failed(FunctionFailure(code: text, message: "m")))
            metrics.record(
                AccessLogEntry(method: text, path: text, status: 200, size: 0, duration: .zero, isComplete: true))
        }
        let text = await Self.text(metrics)
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            let isComment = line.contains(#/^# (HELP [a-z_]+ .+|TYPE [a-z_]+ (counter|gauge|histogram))$/#)
            let isSample = line.contains(
                #/^smartconnector_[a-z_]+(\{[a-z_]+="([^"\\\n]|\\\\|\\"|\\n)*"(,[a-z_]+="([^"\\\n]|\\\\|\\"|\\n)*")*\})? [-0-9.e+]+$/#
            )
            #expect(isComment || isSample, "\(line)")
            #expect(line.count < 1000)
        }
        #expect(text.hasSuffix("\n"))
        for secret in [Self.token, "system-token-2", "\u{202E}", "\u{1B}"] { #expect(!text.contains(secret)) }
        #expect(await Self.lines(metrics, "flows_in_progress") == ["flows_in_progress 0"])
    }

    @Test func requestsToTheServerAreCountedByRouteAndStatus() async throws {
        let metrics = Metrics(token: Secret(Self.token))
        let site = Canned { request in
            request.path == "/metrics" ? await metrics.respond(to: request) : HTTPResponse(json: [:])
        }
        try await serving(site, log: metrics.record) { server in
            for path in [
                "/", "/v1/integrations/1", "/v1/integrations/2/state/x", "/v1/nothing", "/function", "/made/up",
            ] {
                _ = try await server.send("GET", path)
            }
            _ = try await server.send("POST", "/function", json: [:])
        }
        let lines = await Self.lines(metrics, "http_requests_total")
        #expect(
            lines == [
                #"http_requests_total{method="GET",route="/",status="200"} 1"#,
                #"http_requests_total{method="GET",route="/function",status="200"} 1"#,
                #"http_requests_total{method="GET",route="/v1",status="200"} 1"#,
                #"http_requests_total{method="GET",route="/v1/integrations",status="200"} 2"#,
                #"http_requests_total{method="GET",route="other",status="200"} 1"#,
                #"http_requests_total{method="POST",route="/function",status="200"} 1"#,
            ])
        #expect(await Self.lines(metrics, "http_connections") == ["http_connections 3"])
    }

    /// A queue that cannot be reached.
    private struct AbsentQueue: ForwardingCampaignQueue {
        let queue: any CampaignQueue

        func campaigns(limit: Int) async throws -> [Campaign] { throw APIError(.unavailable, "down") }
    }

    @Test func campaignsAreToldWithTheirProgress() async throws {
        let store = InMemoryStore()
        let document = try Integration([
            "_connectorId": "c", "mode": "settings", "version": "1.0.0", "settings": [:], "install": [],
        ])
        for _ in 0..<5 { _ = try await store.create(document) }
        let campaign = try await store.startCampaign(connector: "c", to: "2.0.0")
        let taken = try await store.claim(campaign.id, by: "w", atMost: 3, for: .seconds(3600))
        try await store.settle(taken[0], of: campaign.id, failure: nil)
        try await store.settle(taken[1], of: campaign.id, failure: FunctionFailure(code: "no_licence", message: "m"))
        let metrics = Metrics(token: Secret(Self.token), campaigns: store)
        let own = #"connector="c",campaign="\#(campaign.id)""#
        #expect(
            await Self.lines(metrics, "campaign_") == [
                #"campaign_integrations{goal="update",state="claimed",\#(own)} 1"#,
                #"campaign_integrations{goal="update",state="failed",\#(own)} 1"#,
                #"campaign_integrations{goal="update",state="succeeded",\#(own)} 1"#,
                #"campaign_integrations{goal="update",state="waiting",\#(own)} 2"#,
                #"campaign_failures{goal="update",\#(own),code="no_licence"} 1"#,
                #"campaign_running{goal="update",\#(own)} 1"#,
            ])
        #expect(await Self.lines(metrics, "campaigns_read") == ["campaigns_read 1"])
        let without = Metrics(token: Secret(Self.token), campaigns: AbsentQueue(queue: store))
        #expect(await Self.lines(without, "campaigns_read") == ["campaigns_read 0"])
    }

    @Test func whatWaitsForAPersonIsToldByFunctionAndEndsWithIt() async throws {
        let store = InMemoryStore()
        let call = FlowRecord.Call(function: .installer("make"), idempotencyKey: "k", holder: "w")
        let parked = FlowRecord.Parked(function: .update("1.1.0"), step: nil, reason: "gave up", since: Date())
        for (id, record) in [
            ("1", FlowRecord(call: call)), ("2", FlowRecord(call: call)), ("3", FlowRecord(call: call)),
            ("4", FlowRecord(parked: parked)),
        ] {
            // Of the third one its driver will still learn what becomes of it.
            try await store.write(JournalWrite(record, by: "w", after: 0, keepingLease: id == "3"), of: id)
        }
        let expected = [
            #"integrations_in_doubt{kind="installer",function="make"} 2"#,
            #"integrations_parked{kind="update",function="update"} 1"#,
        ]
        let time = Guarded(ContinuousClock.now)
        let metrics = Metrics(token: Secret(Self.token), journal: store) { time.withLock { $0 } }
        #expect(await Self.lines(metrics, "integrations_") == expected)
        #expect(await Self.lines(metrics, "journal_read") == ["journal_read 1"])
        for (id, revision) in [("1", 1), ("2", 1), ("4", 1)] as [(String, Int64)] {
            try await store.write(JournalWrite(FlowRecord(), by: "w", after: revision, keepingLease: false), of: id)
        }
        // Whoever asks again at once is told the same, and costs the store nothing.
        time.withLock { $0 += .seconds(4) }
        #expect(await Self.lines(metrics, "integrations_") == expected)
        time.withLock { $0 += .seconds(1) }
        #expect(await Self.lines(metrics, "integrations_") == [])
        store.interrupt { _ in throw APIError(.unavailable, "down") }
        let without = Metrics(token: Secret(Self.token), journal: store)
        #expect(await Self.lines(without, "journal_read") == ["journal_read 0"])
        #expect(await Self.lines(without, "integrations_") == [])
    }

    // MARK: What is written of it

    @Test func theArticleNamesAllThatIsServedAndNothingElse() async throws {
        let article = try Self.file("Sources/SmartConnectorServer/SmartConnectorServer.docc/Monitoring.md")
        let rows = article.split(separator: "\n").filter { $0.hasPrefix("| `smartconnector_") }.map(String.init)
        let expected = Metric.allCases.map { metric in
            let description = metric.description
            let labels = (description.labels + description.foreignLabels).map { "`\($0)`" }
            return "| `\(metric.name)` | \(description.kind.rawValue) | "
                + "\(labels.isEmpty ? "none" : labels.joined(separator: ", ")) | \(description.help) |"
        }
        #expect(rows == expected)
        let text = await Self.text(Metrics(token: Secret(Self.token)))
        let served = text.matches(of: #/# TYPE (\S+) /#).map { String($0.1) }
        #expect(served == Metric.allCases.map(\.name))
    }

    @Test func theDashboardAsksForNothingThatIsNotServedAndShowsAll() throws {
        let dashboard = try JSON(parsing: try Self.file("Examples/Grafana/dashboard.json"))
        var served: Set<String> = []
        for metric in Metric.allCases {
            let endings = metric.description.kind == .histogram ? ["_bucket", "_sum", "_count"] : [""]
            served.formUnion(endings.map { metric.name + $0 })
        }
        var asked: Set<String> = []
        for panel in dashboard["panels"]?.array ?? [] {
            for target in panel["targets"]?.array ?? [] {
                let expression = try #require(target["expr"]?.string)
                let names = expression.matches(of: #/smartconnector_[a-z_]+/#).map { String($0.0) }
                #expect(!names.isEmpty, "\(expression)")
                asked.formUnion(names)
                // A label that nobody serves makes an empty picture.
                let labels = expression.matches(of: #/by \(([a-z_, ]+)\)/#).flatMap { $0.1.split(separator: ", ") }
                let metric = try #require(
                    Metric.allCases.first { names[0].hasPrefix($0.name) && served.contains(names[0]) })
                let known = metric.description.labels + metric.description.foreignLabels + ["le"]
                for label in labels { #expect(known.contains(String(label)), "\(label) of \(names[0])") }
            }
        }
        #expect(asked.isSubset(of: served), "\(asked.subtracting(served))")
        for metric in Metric.allCases { #expect(asked.contains { $0.hasPrefix(metric.name) }, "\(metric.name)") }
    }
}
