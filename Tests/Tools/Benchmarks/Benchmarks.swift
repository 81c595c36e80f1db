import Foundation
import SmartConnector
import SmartConnectorSQLite
import SmartConnectorServer
import SmartConnectorTesting

/// Measures the parts that everything else waits for. Each command prints one JSON line.
@main
struct Benchmarks {
    static let usage = """
        usage: benchmarks json FILE [--rounds N]    parse and print a document, beside Foundation's JSONSerialization
               benchmarks machine [--steps N]       decide and settle each step of an installation
               benchmarks flow [--steps N] [--observer nothing|metrics]
                                                    install over the API in memory, watched by one who does nothing or counts
               benchmarks installs --store sqlite:PATH|postgres://… [--count N] [--concurrency C]
                                                    durable installations of four steps
               benchmarks stack --port P --system-token T
                                                    serve a stack until it is killed, for a load generator
        Figures mean something in a release build only: swift run -c release benchmarks …
        """

    static func main() async {
        // As the harness does.
        keepFreedMemory()
        do {
            var arguments = Arguments(CommandLine.arguments.dropFirst())
            let result: JSON? =
                switch arguments.next() {
                case "json": try codec(file: arguments.next(), rounds: arguments.option("--rounds", default: 20_000))
                case "machine": try machine(steps: arguments.option("--steps", default: 4))
                // On a task of its own: hopping to the main thread for each event would be measured otherwise.
                case "flow":
                    try await flow(
                        steps: arguments.option("--steps", default: 4), observer: arguments.text("--observer") ?? "none"
                    )
                case "installs": try await installs(arguments)
                case "stack": try await stack(&arguments)
                default: nil
                }
            guard let result else {
                FileHandle.standardError.write(Data((usage + "\n").utf8))
                exit(64)
            }
            print(result)
        } catch {
            FileHandle.standardError.write(Data("benchmarks: \(error)\n".utf8))
            exit(1)
        }
    }

    struct Arguments {
        private var rest: [String]

        init(_ arguments: some Sequence<String>) {
            rest = Array(arguments)
        }

        func text(_ name: String) -> String? {
            guard let index = rest.firstIndex(of: name), index + 1 < rest.count else { return nil }
            return rest[index + 1]
        }

        mutating func next() -> String? { rest.isEmpty ? nil : rest.removeFirst() }

        func option(_ name: String, default value: Int) throws -> Int {
            guard let index = rest.firstIndex(of: name) else { return value }
            guard index + 1 < rest.count, let number = Int(rest[index + 1]), number > 0 else {
                throw BenchmarkError(description: "\(name) takes a positive number")
            }
            return number
        }
    }

    struct BenchmarkError: Error, CustomStringConvertible {
        let description: String
    }

    // MARK: json

    static func codec(file: String?, rounds: Int) throws -> JSON {
        guard let file else { throw BenchmarkError(description: "json takes a file") }
        let data = try Data(contentsOf: URL(fileURLWithPath: file))
        let bytes = [UInt8](data)
        var size = 0
        let ours = try best(of: 3, rounds: rounds) { size = try JSON(parsing: bytes).utf8().count }
        let foundation = try best(of: 3, rounds: rounds / 20 + 1) {
            let object = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
            _ = try JSONSerialization.data(withJSONObject: object, options: .fragmentsAllowed)
        }
        return [
            "benchmark": "json", "bytes": JSON(size), "round_trip_us": rounded(ours),
            "foundation_round_trip_us": rounded(foundation), "times_faster_than_foundation": rounded(foundation / ours),
        ]
    }

    /// Microseconds a round, of the fastest of several series: what others do on the machine only ever adds.
    private static func best(of series: Int, rounds: Int, _ body: () throws -> Void) rethrows -> Double {
        var best = Double.infinity
        for _ in 0..<series {
            let elapsed = try ContinuousClock().measure { for _ in 0..<rounds { try body() } }
            best = min(best, elapsed / .microseconds(1) / Double(rounds))
        }
        return best
    }

    private static func rounded(_ number: Double) -> JSON { JSON((number * 1000).rounded() / 1000) ?? .null }

    // MARK: machine

    static func machine(steps: Int) throws -> JSON {
        let document = try example(steps: steps)
        let clock = ContinuousClock()
        var best = Double.infinity
        for _ in 0..<50 {
            // Few at a time: it is the deciding that is measured, and not the memory that thousands of machines take.
            var machines = try (0..<max(1, 4_000 / steps)).map { _ in
                try InstallMachine(document, functions: .open)
            }
            var decisions = 0
            let start = clock.now
            for index in machines.indices {
                while case .callInstaller(let step) = try machines[index].next() {
                    _ = machines[index].installerReturned(step)
                    decisions += 1
                }
            }
            best = min(best, start.duration(to: clock.now) / .nanoseconds(1) / Double(decisions))
        }
        return ["benchmark": "machine", "steps": JSON(steps), "ns_per_step": rounded(best)]
    }

    // MARK: flow

    /// Is told of everything and does nothing.
    private struct Unmoved: FlowObserver {
        func began(_ span: FlowSpan) {}
        func ended(_ span: FlowSpan, _ end: FlowSpan.End, after duration: Duration) {}
    }

    @concurrent
    static func flow(steps: Int, observer: String) async throws -> JSON {
        let document = try example(steps: steps)
        var connector = Connector(id: "benchmark")
        switch observer {
        case "none": break
        case "nothing": connector.observer = Unmoved()
        case "metrics": connector.observer = Metrics(token: Secret("t"))
        default: throw BenchmarkError(description: "--observer takes nothing or metrics")
        }
        for step in document.steps {
            connector.immediateInstaller(step.installerFunction ?? "") { _ in .completed }
            connector.immediateUninstaller(step.uninstallerFunction ?? "") { _ in .completed }
        }
        let clock = ContinuousClock()
        var best = Double.infinity
        var requestsPerStep = 0.0
        for _ in 0..<5 {
            let flows = max(1, 20_000 / steps)
            let api = InMemoryIntegrationAPI()
            var elapsed = Duration.zero
            var requests = 0
            for _ in 0..<flows {
                let id = try await api.create(document).integration.id ?? ""
                let before = api.requestCount
                let start = clock.now
                _ = try await InstallFlow(integration: id, connector: connector, api: api, journal: InMemoryJournal())
                    .run().finish()
                elapsed += start.duration(to: clock.now)
                requests += api.requestCount - before
                guard api[id]?.mode == .settings else { throw BenchmarkError(description: "a flow did not end") }
                try await api.delete(id)
            }
            best = min(best, elapsed / .microseconds(1) / Double(flows * steps))
            requestsPerStep = Double(requests) / Double(flows * steps)
        }
        return [
            "benchmark": "flow", "steps": JSON(steps), "observer": JSON(observer), "us_per_step": rounded(best),
            "requests_per_step": rounded(requestsPerStep),
        ]
    }

    // MARK: installs

    static func installs(_ arguments: Arguments) async throws -> JSON {
        guard let store = arguments.text("--store") else {
            throw BenchmarkError(description: "installs takes --store sqlite:PATH or postgres://HOST/DATABASE")
        }
        return try await Installs(
            store, document: example(steps: 4), count: arguments.option("--count", default: 400),
            concurrency: arguments.option("--concurrency", default: 1)
        ).run()
    }

    // MARK: stack

    static func stack(_ arguments: inout Arguments) async throws -> JSON {
        guard let token = arguments.text("--system-token") else {
            throw BenchmarkError(description: "stack takes --system-token T")
        }
        var connector = Connector(id: "c1")
        connector.immediateInstaller("verify") { _ in
            .completed(stepsToUpdate: [["installerFunction": "verify", "completed": true]])
        }
        var configuration = HTTPServer.Configuration()
        configuration.port = try arguments.option("--port", default: 7090)
        let api = InMemoryIntegrationAPI()
        let endpoint = StackEndpoint(connectors: [connector], systemToken: Secret(token)) { _ in api }
        let server = try HTTPServer(configuration, responder: endpoint)
        try await Task.sleep(for: .seconds(86_400))
        await server.shutdown()
        return ["benchmark": "stack"]
    }

    private static func example(steps: Int) throws -> Integration {
        let install = (0..<steps).map { index -> JSON in
            [
                "name": "Connection \(index)", "description": "Configure the account credentials",
                "imageURL": "/images/company-logos/netsuite.png", "completed": false,
                "installerFunction": "verifyConnection\(index)", "uninstallerFunction": "deleteConnection\(index)",
            ]
        }
        return try Integration([
            "name": "Benchmark", "_connectorId": "56fd5ad0945a2345c4e678ac", "install": JSON(install),
            "mode": "install", "settings": ["sections": []], "version": "1.0.0",
        ])
    }
}
