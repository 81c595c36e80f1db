import Foundation
import Limits
import Loopback
import Processes
import SmartConnectorWire
import Testing

@testable import SmartConnectorServer

/// Which ways of TLS are good enough.
@Suite(.serialized, .ends(within: .minutes(3)))
struct TLSTests {
    /// A server with a certificate of its own, of a kind of key.
    private func serving(_ key: [String], _ body: (HTTPServer) async throws -> Void) async throws {
        let certificate = try Certificate(key: key)
        defer { certificate.remove() }
        var configuration = HTTPServer.Configuration.patient
        configuration.tls = HTTPServer.TLS(certificate: try certificate.text, key: Secret(try certificate.key))
        try await SmartConnectorServerTests.serving(
            Canned { HTTPResponse(json: JSON($0.body.count)) }, configuration, body)
    }

    /// What `openssl s_client` says when it asks in this way.
    private func ask(_ server: HTTPServer, _ arguments: [String]) -> String {
        let command =
            "printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' | openssl s_client -ign_eof -connect 127.0.0.1:\(server.port) "
            + arguments.joined(separator: " ") + " 2>&1"
        return ChildProcess.run(["sh", "-c", command]).output
    }

    static let keys = [
        ["-newkey", "rsa:2048"], ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ]

    @Test(arguments: keys)
    func newWaysAreSpoken(_ key: [String]) async throws {
        try await serving(key) { server in
            for arguments in [["-tls1_3"], ["-tls1_2"], ["-tls1_2", "-cipher", "ECDHE+CHACHA20"], []] {
                let answer = ask(server, arguments)
                #expect(answer.contains("HTTP/1.1 200 OK"), "\(arguments)")
            }
        }
    }

    @Test(arguments: keys)
    func oldAndWeakWaysAreNot(_ key: [String]) async throws {
        try await serving(key) { server in
            let all = "'ALL:COMPLEMENTOFALL:@SECLEVEL=0'"
            for arguments in [
                ["-tls1", "-cipher", all], ["-tls1_1", "-cipher", all], ["-ssl3", "-cipher", all],
                // Keys that the certificate's key opens later.
                ["-tls1_2", "-cipher", "'kRSA:@SECLEVEL=0'"], ["-tls1_2", "-cipher", "AES128-GCM-SHA256"],
                // Ciphers that are not sealed as a whole.
                ["-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES256-SHA"],
                ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA256"],
                ["-tls1_2", "-cipher", "'NULL:aNULL:@SECLEVEL=0'"],
                ["-tls1_2", "-cipher", "'3DES:RC4:CAMELLIA:ARIA:@SECLEVEL=0'"],
            ] {
                let answer = ask(server, arguments)
                #expect(!answer.contains("HTTP/1.1 200 OK"), "\(arguments)")
                #expect(!answer.contains("Cipher is ECDHE") && !answer.contains("Cipher is AES"), "\(arguments)")
            }
        }
    }

    @Test func largeBodiesGoThrough() async throws {
        let script = """
            import ssl, sys, urllib.request
            context = ssl._create_unverified_context()
            for size in [1, 16384, 16385, 3000000]:
                data = b'x' * size
                print(urllib.request.urlopen(sys.argv[1], data=data, context=context).read().decode())
            """
        try await serving(Self.keys[1]) { server in
            let answer = ChildProcess.run(["python3", "-c", script, server.url + "/x"])
            #expect(answer.output.contains("1\n16384\n16385\n3000000\n"))
        }
    }

    @Test func aHandshakeThatIsNeverFinishedHoldsUpNobody() async throws {
        try await serving(Self.keys[1]) { server in
            let stalled = try (0..<300).map { index in
                let connection = try RawConnection(port: server.port)
                connection.write(index.isMultiple(of: 2) ? [] : [0x16, 0x03, 0x01, 0x02, 0x00, 0x01])
                return connection
            }
            #expect(ask(server, ["-tls1_3"]).contains("HTTP/1.1 200 OK"))
            withExtendedLifetime(stalled) {}
        }
    }
}
