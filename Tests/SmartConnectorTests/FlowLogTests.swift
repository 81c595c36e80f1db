import Foundation
import Limits
import SmartConnector
import Synchronization
import Testing

/// The lines that are written of flows and calls.
@Suite(.ends(within: .minutes(3)))
struct FlowLogTests {
    private final class Lines: Sendable {
        private let lines = Guarded<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private let lines = Lines()

    private func log(_ format: FlowLog.Format, secrets: [Secret] = []) -> FlowLog {
        FlowLog(format, secrets: secrets) { [lines] in lines.add($0) }
    }

    private static func call(_ name: String = "verify") -> FlowSpan {
        FlowSpan(
            .call, name, of: "7", connector: "c", stepIndex: 1, function: .installer(name), attempt: 2,
            idempotencyKey: "key", began: Date(timeIntervalSince1970: 1_700_000_000))
    }

    @Test func aCallIsOneObjectWithAllThatIsKnownOfIt() throws {
        log(.json).ended(
            Self.call(), .failed(FunctionFailure(code: "down", message: "the password is hunter2")),
            after: .milliseconds(1500))
        #expect(
            lines.all == [
                #"{"time":"2023-11-14T22:13:21.500Z","level":"warning","event":"call","name":"verify","result":"failed","connector":"c","integration":"7","duration_ms":1500.0,"function":"verify","kind":"installer","step":1,"attempt":2,"key":"key","code":"down"}"#
                    + "\n"
            ])
    }

    @Test func asTextItIsOneLine() {
        log(.text).ended(
            Self.call(), .inDoubt(FunctionFailure(code: "timeout", message: "slow")), after: .milliseconds(500))
        #expect(
            lines.all == [
                "2023-11-14T22:13:20.500Z error call verify in_doubt 500.0 ms integration=7 attempt=2 code=timeout\n"
            ])
    }

    @Test func whatIsAsItShouldBeIsWrittenOfCallsAndFlowsAlone() throws {
        let log = log(.json)
        for kind in FlowSpan.Kind.allCases {
            let span = FlowSpan(kind, "x", of: "7", connector: "c")
            log.began(span)
            log.ended(span, .succeeded, after: .zero)
            log.ended(span, .failed(FunctionFailure(code: "down", message: "m")), after: .zero)
        }
        let written = try lines.all.map { line in
            let json = try JSON(parsing: line)
            return "\(json["event"]?.string ?? "") \(json["level"]?.string ?? "") \(json["result"]?.string ?? "")"
        }
        #expect(
            written == [
                "flow info succeeded", "flow error failed", "call info succeeded", "call warning failed",
                "request warning failed", "lease error failed",
            ])
    }

    @Test func noTokenIsInALineAndNobodyWritesALineOfTheirOwn() {
        let token = "system-token/1+x"
        for format in FlowLog.Format.allCases {
            let name = "a\r\n\u{1B}]0;x\u{7}\u{202E}\(token)" + String(repeating: "y", count: 5000)
            log(format, secrets: [Secret(token)]).ended(
                Self.call(name), .failed(FunctionFailure(code: name, message: name)), after: .zero)
        }
        #expect(lines.all.count == 2)
        for line in lines.all {
            #expect(!line.contains("system-token") && !line.contains("\u{202E}"))
            #expect(line.unicodeScalars.count { $0.properties.generalCategory == .control } == 1)
            #expect(line.hasSuffix("\n") && line.count < 2000)
        }
    }
}
