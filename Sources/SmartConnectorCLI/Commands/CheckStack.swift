import SmartConnector
import SmartConnectorHTTP

struct ListStacks: Command {
    static let name = "stack list"
    static let summary = "list the records of stacks that the platform has"
    static let examples = [[], ["--store", "https://api.integrator.io"]]

    func run(_ session: Session) async throws -> ExitCode {
        let records = try await session.stacks("stack list").stackRecords()
        if session.output.isJSON {
            for record in records {
                session.output.print(json: [
                    "format": JSON(Output.format), "stack": .optional(record.id), "name": .optional(record.name),
                    "hostURI": .optional(record.hostURI),
                ])
            }
        } else if records.isEmpty {
            session.output.print(line: "no stacks")
        } else {
            session.output.print(records.map { Row([$0.id ?? "", $0.name ?? "", $0.hostURI ?? ""]) })
        }
        return .done
    }
}

struct CheckStack: Command {
    static let name = "stack check"
    static let summary = "compare the platform's record of a stack with the stack that --stack names"
    static let sharedOptions: SharedOptions = [.place, .functions, .output]
    static let examples = [
        ["$STACK"],
        ["$STACK", "--stack", "https://my-tunnel.example", "--stack-token-file", "token", "--fix"],
    ]

    @Argument("STACK", "the _id of its record", as: .text) var id: String
    @Flag("--fix", "write the address and the token that --stack and --stack-token say into the record")
    var isFixing: Bool

    /// One thing that was compared.
    private struct Finding {
        let what: String
        let isRight: Bool
        let text: String
    }

    func run(_ session: Session) async throws -> ExitCode {
        let client = try session.stacks(Self.name)
        var record = try await client.stackRecord(id)
        guard record.hostURI != nil else {
            throw FileError(
                description: "stack \(id) is none of a server: its record has no server.hostURI", status: .badData)
        }
        let (address, token) = (session.functions.stackAddress, try session.functions.stackSystemToken())
        if isFixing, address == nil { throw UsageError("\($isFixing) takes the address that is right: --stack URL") }
        var findings = Self.compare(record, address, token)
        findings += try await reach(record, address, token, session)
        var isMended = false
        if isFixing, findings.contains(where: { !$0.isRight }) {
            // What does not answer itself is no better.
            if let address, try await isThere(address, token ?? record.systemToken, session) {
                record.hostURI = address
                if let token { record.systemToken = token }
                record = try await client.updateStackRecord(id, to: record)
                isMended = true
            }
        }
        show(findings, isMended: isMended, session)
        return isMended || findings.allSatisfy(\.isRight) ? .done : .stopped
    }

    private static func compare(_ record: StackRecord, _ address: String?, _ token: Secret?) -> [Finding] {
        var findings: [Finding] = []
        let recorded = record.hostURI ?? ""
        if let address {
            let isSame = normal(recorded).isExactly(normal(address))
            findings.append(
                Finding(
                    what: "address", isRight: isSame,
                    text: isSame ? recorded : "the record says \(recorded), and the stack is at \(address)"))
        }
        if let token {
            let text =
                switch record.systemToken {
                case nil: "the platform does not show it, so that it is not compared"
                case token?: "the same in the record"
                case _?: "the record has another"
                }
            findings.append(
                Finding(
                    what: "token", isRight: record.systemToken == nil || record.systemToken == token, text: text))
        }
        return findings
    }

    /// An address without what makes no difference.
    private static func normal(_ address: String) -> String {
        var text = address
        while text.hasSuffix("/") { text.removeLast() }
        if text.hasSuffix("/function") { text.removeLast("/function".count) }
        while text.hasSuffix("/") { text.removeLast() }
        return text
    }

    /// Whether the stack is reached from here, where the record says and where the command line does.
    private func reach(
        _ record: StackRecord, _ address: String?, _ token: Secret?, _ session: Session
    ) async throws -> [Finding] {
        let recorded = record.hostURI ?? ""
        var findings = [try await probe(recorded, record.systemToken ?? token, session)]
        if let address, !Self.normal(address).isExactly(Self.normal(recorded)) {
            findings.append(try await probe(address, token ?? record.systemToken, session))
        }
        return findings
    }

    private func probe(_ address: String, _ token: Secret?, _ session: Session) async throws -> Finding {
        let what = "reached"
        guard let token else {
            return Finding(
                what: what, isRight: true,
                text: "\(address) was not called: its token is not known here (SMARTCONNECTOR_STACK_TOKEN)")
        }
        let stack = try RemoteStack(
            address, token: token, connectorID: nil, timeout: .seconds(30), connection: session.place.connection)
        switch try await stack.probe() {
        case .answers: return Finding(what: what, isRight: true, text: "\(address) answers and accepts the token")
        case .refusesToken:
            return Finding(what: what, isRight: false, text: "\(address) answers and does not accept the token")
        case .isNotThere(let why): return Finding(what: what, isRight: false, text: why)
        }
    }

    private func isThere(_ address: String, _ token: Secret?, _ session: Session) async throws -> Bool {
        guard let token else {
            throw UsageError("\($isFixing) takes the system token, too: the platform does not show it")
        }
        let stack = try RemoteStack(
            address, token: token, connectorID: nil, timeout: .seconds(30), connection: session.place.connection)
        return try await stack.probe() == .answers
    }

    private func show(_ findings: [Finding], isMended: Bool, _ session: Session) {
        let output = session.output
        if output.isJSON {
            output.print(json: [
                "format": JSON(Output.format), "stack": JSON(id), "isMended": JSON(isMended),
                "findings": JSON(
                    findings.map { ["what": JSON($0.what), "isRight": JSON($0.isRight), "text": JSON($0.text)] }),
            ])
            return
        }
        for finding in findings {
            output.print(line: "\(finding.isRight ? "✓" : "✗") \(finding.what): \(finding.text)", indent: 2)
        }
        guard !findings.allSatisfy(\.isRight) else { return }
        if isMended {
            output.note("the record of stack \(id) is mended")
        } else if isFixing {
            output.print(error: "nothing was written: where --stack says, no stack answers that accepts the token")
        } else {
            output.print(
                error:
                    "what the platform calls is not this stack; mend it: \(session.program) stack check \(id) --stack URL --stack-token T --fix"
            )
        }
    }
}

extension Session {
    /// The platform that has records of stacks.
    fileprivate func stacks(_ command: String) throws -> IntegratorClient {
        guard let client = try place.client() else {
            throw UsageError("\(command) asks the platform: --store https://HOST")
        }
        return client
    }
}
