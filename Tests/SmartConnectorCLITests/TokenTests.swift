import Foundation
import Limits
import Loopback
import Processes
import SmartConnector
import SmartConnectorServer
import SmartConnectorTesting
import SmartConnectorWire
import Synchronization
import Testing

@testable import SmartConnectorCLI

/// Tokens: where they come from, which are none, and that nobody sees them again.
@Suite(.ends(within: .minutes(3)))
struct TokenTests {
    private static let token = "token-of-a-test-1"

    private let harness: Harness

    init() throws {
        harness = try Harness()
    }

    private func run(_ arguments: [String], _ environment: [String: String] = [:]) async -> Harness.Outcome {
        let captured = Captured()
        let status = await harness.command.run(arguments, environment: environment, console: captured.console())
        return Harness.Outcome(status: status, output: captured.text, error: captured.errorText)
    }

    private func file(_ text: String) throws -> String {
        let path = harness.file(UUID().uuidString)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// A pipe as `<(…)` makes one: what is read is gone.
    private func pipe(_ text: String) throws -> String {
        let path = harness.file(UUID().uuidString)
        try #require(mkfifo(path, 0o600) == 0)
        Thread.detachNewThread {
            guard let handle = FileHandle(forWritingAtPath: path) else { return }
            try? handle.write(contentsOf: Data(text.utf8))
            try? handle.close()
        }
        return path
    }

    @Test(arguments: ["", "\n", "\r\n", " \n\n"])
    func aTokenIsTakenWithoutTheEndOfItsLineHoweverItIsGiven(_ end: String) async throws {
        let integrator = LocalIntegrator(.init(token: Secret(Self.token)), store: InMemoryIntegrationAPI()) { _ in nil }
        let server = try HTTPServer(responder: integrator)
        let store = ["list", "--store", "http://127.0.0.1:\(server.port)", "--journal", "state"]
        let text = Self.token + end
        let outcomes = [
            await run(store + ["--token", text]), await run(store + ["--token-file", try file(text)]),
            await run(store + ["--token-file", try pipe(text)]), await run(store, ["CELIGO_API_TOKEN": text]),
            // What the command line says counts before the environment.
            await run(store + ["--token", text], ["CELIGO_API_TOKEN": "another"]),
        ]
        for outcome in outcomes { #expect(outcome.status == .done, "\(outcome.error)") }
        await server.shutdown(within: .seconds(10))
    }

    @Test func theTokensOfAStackAndOfFunctionsAreReadFromFilesAndPipes() async throws {
        let given = Guarded<[String?]>([])
        let connector = Connector(id: "c") { call in
            given.withLock { $0.append(call.options.bearerToken?.value) }
            return ["success": true]
        }
        let endpoint = StackEndpoint(connectors: [connector], systemToken: Secret(Self.token)) { _ in
            InMemoryIntegrationAPI()
        }
        let server = try HTTPServer(responder: endpoint)
        let store = ["--store", "sqlite:\(harness.file("store.sqlite"))"]
        let document = try file(#"{"_connectorId":"c","mode":"install","install":[{"installerFunction":"a"}]}"#)
        let run = ["run", "--stack", "http://127.0.0.1:\(server.port)"] + store
        for (arguments, environment) in [
            (["--stack-token-file", try file(Self.token + "\n"), "--bearer-token-file", try file("bearer-1\n")], [:]),
            (["--stack-token-file", try pipe(Self.token), "--bearer-token-file", try pipe("bearer-1")], [:]),
            ([], ["SMARTCONNECTOR_STACK_TOKEN": Self.token + "\n", "SMARTCONNECTOR_BEARER_TOKEN": "bearer-1\n"]),
        ] {
            let id = await self.run(["create", document] + store).output.trimmingCharacters(in: .newlines)
            let outcome = await self.run(run + [id] + arguments, environment)
            #expect(outcome.status == .done, "\(outcome.error)")
        }
        await server.shutdown(within: .seconds(10))
        #expect(given.withLock { $0 } == ["bearer-1", "bearer-1", "bearer-1"])
    }

    @Test(arguments: [
        "", " \n", "secret-1\nsecret-2", "secret-1\r\nX-Header: secret-2", "secret-1\u{0}", "secret-1\u{1B}[0m",
    ])
    func whatIsNoTokenIsRefusedAndNotRepeated(_ text: String) async throws {
        let url = "http://127.0.0.1:\(Loopback.silentPort)"
        let (list, run) = (["list", "--store", url], ["call", "f", "--stack", url, "--connector", "c"])
        let functions = ["call", "f", "--simulate", "--store", "sqlite:\(harness.file("s"))"]
        let path = try file(text)
        let outcomes = [
            await self.run(list + ["--token", text]), await self.run(list + ["--token-file", path]),
            await self.run(list, ["CELIGO_API_TOKEN": text]),
            await self.run(run + ["--stack-token", text]), await self.run(run + ["--stack-token-file", path]),
            await self.run(run, ["SMARTCONNECTOR_STACK_TOKEN": text]),
            await self.run(functions + ["--bearer-token", text]),
            await self.run(["serve", "--port", "0", "--system-token", text]),
            await self.run(["serve", "--port", "0", "--system-token-file", path]),
            await self.run(["serve", "--port", "0"], ["SMARTCONNECTOR_SYSTEM_TOKEN": text]),
            await self.run(["serve", "--port", "0"], ["SMARTCONNECTOR_TOKEN": text]),
        ]
        for outcome in outcomes {
            #expect([.usage, .badData].contains(outcome.status), "\(outcome.status) \(outcome.output)\(outcome.error)")
            #expect(outcome.error.split(separator: "\n").count == 1, "\(outcome.error)")
            #expect(!(outcome.output + outcome.error).contains("secret"))
            #expect(outcome.error.contains("empty") || outcome.error.contains(" in it"), "\(outcome.error)")
        }
    }

    @Test func aTokenIsGivenInOneWayAndAFileThatIsNoneIsSaid() async throws {
        let list = ["list", "--store", "http://127.0.0.1:\(Loopback.silentPort)"]
        let both = await run(list + ["--token", "a", "--token-file", try file("b")])
        #expect(both.status == .usage && both.error.contains("--token and --token-file are two ways"))
        let none = await run(list + ["--token-file", harness.file("none")])
        #expect(none.status == .notFound && none.error.contains("cannot be read"))
        #expect(await run(list + ["--token-file", harness.folder]).status == .notFound)
        let long = await run(list + ["--token-file", try file(String(repeating: "a", count: 100_000))])
        #expect(long.status == .badData && long.error.utf8.count < 1000)
    }

    @Test(arguments: [
        "postgres:/me:secret-1@host/data", "me:secret-1@host", "postgre://me:sec/ret-1@host/data",
        "host=h password=secret-1", "ftp://host?access_token=secret-1",
    ])
    func aMistypedPlaceIsNamedWithoutItsPassword(_ place: String) async throws {
        for arguments in [["list", "--store", place], ["list", "--store", "http://h", "--journal", place]] {
            let outcome = await run(arguments)
            #expect(outcome.status == .usage && outcome.error.contains("‹redacted›"))
            #expect(!outcome.error.contains("ret-1"), "\(outcome.error)")
        }
    }

    @Test func aTokenThatWasGivenIsNotShownAndOneThatWasMadeUpIs() async throws {
        let start = ["serve", "--port", "0", "--store", "sqlite:\(harness.file("store.sqlite"))"]
        let given = try harness.start(
            "smartconnector",
            start + ["--token", "user-token-1", "--system-token-file", try pipe("system-token-1\n")])
        let transcript = Transcript(given.output)
        #expect(await transcript.wait(for: "Try it"))
        given.process.kill(SIGTERM)
        await transcript.wait()
        #expect(transcript.text.contains("as given"))
        #expect(!transcript.text.contains("token-1"))

        let made = try harness.start("smartconnector", start)
        let other = Transcript(made.output)
        #expect(await other.wait(for: "Try it"))
        made.process.kill(SIGTERM)
        await other.wait()
        #expect(other.text.contains("system token ") && !other.text.contains("as given"))
    }
}
