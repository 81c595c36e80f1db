import Foundation
import Limits
import Loopback
import Processes
import SmartConnector
import SmartConnectorSQLite
import Testing

@testable import SmartConnectorCLI

/// How many requests are sent. More find more: `SMARTCONNECTOR_MUTATED_REQUESTS=500000`.
private let count = Int(ProcessInfo.processInfo.environment["SMARTCONNECTOR_MUTATED_REQUESTS"] ?? "") ?? 10_000
private let seed = UInt64(ProcessInfo.processInfo.environment["SMARTCONNECTOR_MUTATED_SEED"] ?? "") ?? 1126

/// Requests that were good ones, and in which something is broken.
@Suite(.serialized, .ends(within: .minutes(3 + count / 10_000)))
struct MutatedRequestTests {
    private struct Seeded: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
    }

    private static let bodies = [
        #"{"name":"A","_connectorId":"c1","mode":"install","install":[{"name":"S","installerFunction":"i"}]}"#,
        #"{"pending":{"a":{"b":[1,2.50,null,true,"ü"]}}}"#, #"{"name":"C","connectionMap":{"a":"b"}}"#, "{}",
        #"{"_integrationIds":["ID"],"version":"1.0.1"}"#,
        #"{"type":"installer","function":"i","_connectorId":"c1","options":{"_integrationId":"ID","opts":{}}}"#,
    ]

    private static let targets = [
        ("GET", "/v1/integrations?limit=2"), ("POST", "/v1/integrations"), ("GET", "/v1/integrations/ID"),
        ("PUT", "/v1/integrations/ID"), ("DELETE", "/v1/integrations/ID"), ("POST", "/v1/integrations/ID/clone"),
        ("PUT", "/v1/integrations/ID/state/k"), ("GET", "/v1/integrations/ID/state"),
        ("PUT", "/v1/integrations/ID/installer/i"), ("PUT", "/v1/integrations/ID/uninstaller/preUninstallFunction"),
        ("PUT", "/v1/integrations/ID/settings/persistSettings"), ("POST", "/v1/integrations/c1/install"),
        ("DELETE", "/v1/integrations/ID/install"), ("PUT", "/v1/connectors/c1/update"), ("GET", "/v1/tokenInfo"),
        ("POST", "/function"), ("GET", "/functions?_connectorId=c1"), ("GET", "/openapi.json"), ("GET", "/"),
        ("GET", "/openConnections"), ("GET", "/livez"),
    ]

    /// What a text is broken with: what means something to HTTP, to JSON or to SQL.
    private static let pieces = [
        "\r\n", "\n", "\0", "\u{7F}", ":", "{", "}", "[", "\"", "\\u0000", "\\ud800", "%00", "%2e%2e", "../", "?", "&",
        "#", "1e999999", "-0", "99999999999999999999", "null", "'; DROP TABLE", "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n", "chunked", "Expect: 100-continue\r\n", "If-Match: \"1\"\r\n",
        "Content-Encoding: gzip\r\n", "HTTP/1.1", "HTTP/0.9", "\u{202E}", "é",
    ]

    private static func request(_ ids: [String], _ random: inout Seeded) -> [UInt8] {
        func any<T>(_ choices: [T]) -> T { choices[Int(random.next() % UInt64(choices.count))] }
        let id = any(ids)
        let (method, path) = any(targets)
        var body = any(bodies).replacing("ID", with: id)
        let isBodyBroken = random.next() % 2 == 0
        if isBodyBroken { body = broken(body, &random) }
        // What a GET brings is a body too.
        let sent = method == "GET" && random.next() % 4 != 0 ? "" : body
        let token = path.hasPrefix("/v1") ? "U" : "T"
        var text =
            "\(method) \(path.replacing("ID", with: id)) HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(token)\r\n"
            + "Content-Type: application/json\r\n"
        let size = sent.utf8.count
        if random.next() % 5 == 0 {
            text += "Transfer-Encoding: chunked\r\n\r\n"
            text += size == 0 ? "0\r\n\r\n" : "\(String(size, radix: 16))\r\n\(sent)\r\n0\r\n\r\n"
        } else {
            text += "Content-Length: \(size)\r\n\r\n\(sent)"
        }
        return Array((isBodyBroken ? text : broken(text, &random)).utf8)
    }

    /// A text with one to three places in which something is missing, doubled, changed or put in.
    private static func broken(_ text: String, _ random: inout Seeded) -> String {
        var bytes = Array(text.utf8)
        for _ in 0...random.next() % 3 {
            guard !bytes.isEmpty else { break }
            let place = Int(random.next() % UInt64(bytes.count))
            let end = min(bytes.count, place + 1 + Int(random.next() % 8))
            switch random.next() % 5 {
            case 0: bytes.removeSubrange(place..<end)
            case 1: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 2: bytes[place] = UInt8(truncatingIfNeeded: random.next())
            case 3: bytes.insert(contentsOf: pieces[Int(random.next() % UInt64(pieces.count))].utf8, at: place)
            default: bytes.removeSubrange(place...)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// How much memory a process has, in bytes; nil where the system does not say.
    private static func memory(_ process: ChildProcess) throws -> Int? {
        #if os(Linux)
            guard let pid = process.processIdentifier else { return nil }
            let fields = try String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8).split(separator: " ")
            return fields.count > 1 ? Int(fields[1]).map { $0 * 4096 } : nil
        #else
            return nil
        #endif
    }

    @Test func requestsInWhichSomethingIsBrokenDoNoHarm() async throws {
        let harness = try Harness()
        let path = harness.file("smartconnector.sqlite")
        let document = try Integration([
            "name": "A", "_connectorId": "c1", "mode": "install", "version": "1.0.0", "settings": [:],
            "install": [["name": "S", "installerFunction": "i", "uninstallerFunction": "u"]],
        ])
        var ids: [String] = []
        do {
            let store = try SQLiteStore(path: path)
            for _ in 0..<20 { ids.append(try await store.create(document).integration.id ?? "") }
        }
        let served = try Served(
            harness, "smartconnector", ["--token", "U", "--system-token", "T", "--simulate", "--log", "none"])
        let port = try #require(URL(string: served.url)?.port)
        var random = Seeded(state: seed)
        var early: Int?
        var answered = 0
        for number in 0..<count {
            let request = Self.request(ids, &random)
            let connection = try RawConnection(port: port)
            connection.write(request)
            connection.endOutput()
            let answer = connection.readBlocking(until: nil)
            if !answer.isEmpty { answered += 1 }
            let isFine = answer.isEmpty || answer.hasPrefix("HTTP/1.1 ") && !answer.hasPrefix("HTTP/1.1 500")
            #expect(isFine, "seed \(seed), request \(number): \(String(reflecting: request)): \(answer.prefix(200))")
            if number == count / 5 { early = try Self.memory(served.process) }
            if !isFine { break }
        }
        // A request that is cut off is not answered, but most are.
        #expect(answered > count / 2, "\(answered) of \(count)")
        // What it keeps is in its store, and not in its memory.
        if let early, let late = try Self.memory(served.process) {
            #expect(late - early < 24 << 20, "\(early) bytes, then \(late)")
        }
        let connection = try RawConnection(port: port)
        connection.write("GET /v1/integrations?limit=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer U\r\n\r\n")
        #expect(connection.readBlocking(until: "}").hasPrefix("HTTP/1.1 200"))
        #expect(try served.end().status == 0)
    }
}
