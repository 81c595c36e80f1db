import Foundation
import Limits
import Processes
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// Completions in real shells, and the manual page as it is read.
@Suite(.ends(within: .minutes(3)))
struct ManualTests {
    private let harness: Harness

    init() throws { harness = try Harness() }

    /// What is typed, and what is offered for its last word, where each shell offers the same.
    private static let lines: [(typed: String, offers: Set<String>)] = [
        ("smartconnector stat", ["status"]),
        ("smartconnector --store sqlite:x hist", ["history"]),
        ("smartconnector campaign st", ["status", "stop"]),
        ("smartconnector serve --log j", ["json"]),
        ("smartconnector serve --tls-", ["--tls-cert", "--tls-key"]),
        ("smartconnector campaign status --qu", ["--quiet"]),
        ("smartconnector completions ", ["bash", "zsh", "fish"]),
        ("smartconnector create integ", ["integration.json"]),
        ("smartconnector get --json 0123", ["0123456789"]),
    ]

    /// Runs a shell in a folder with one document, where the command is found and its store has one integration.
    private func run(_ command: [String], _ script: String) async throws -> String {
        try Data("{}".utf8).write(to: URL(fileURLWithPath: harness.file("integration.json")))
        let folder = harness.file("bin")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let program = Harness.program("smartconnector")
        let stand =
            "#!/bin/sh\nif [ \"$1\" = list ]; then echo '0123456789  install'; else exec '\(program)' \"$@\"; fi\n"
        try Data(stand.utf8).write(to: URL(fileURLWithPath: folder + "/smartconnector"))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder + "/smartconnector")
        try Data(script.utf8).write(to: URL(fileURLWithPath: harness.file("script")))
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let result = ChildProcess.run(
            command + [harness.file("script")],
            environment: ["PATH": "\(folder):\(path)", "HOME": harness.folder, "TERM": "dumb"], in: harness.folder)
        try #require(result.status == 0, "\(result.output)")
        return result.output
    }

    private func offers(_ output: String) -> [Set<String>] {
        output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .map { Set($0.split(separator: " ").map(String.init)) }
    }

    @Test func bashCompletesCommandsOptionsValuesAndIdentifiers() async throws {
        let tries = Self.lines.map { line in
            "COMP_WORDS=(\(line.typed)\(line.typed.hasSuffix(" ") ? " ''" : "")); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _smartconnector; echo \"${COMPREPLY[*]}\""
        }
        let output = try await run(
            ["bash", "--norc"], "source <(smartconnector completions bash)\n" + tries.joined(separator: "\n") + "\n")
        #expect(offers(output) == Self.lines.map(\.offers))
    }

    @Test func fishCompletesCommandsOptionsValuesAndIdentifiers() async throws {
        let tries = Self.lines.map { line in
            "complete -C '\(line.typed)' | string split -f 1 \\t | string join ' '"
        }
        let output = try await run(
            ["fish", "--no-config"],
            "smartconnector completions fish | source\n" + tries.joined(separator: "\n") + "\ntrue\n"
        )
        #expect(offers(output) == Self.lines.map(\.offers))
    }

    /// In a terminal of its own, since zsh completes nowhere else.
    @Test func zshCompletesCommandsOptionsValuesAndIdentifiers() async throws {
        // What is common to all offers is completed.
        let expected = Self.lines.map { line -> String in
            let common = line.offers.count == 1 ? (line.offers.first ?? "") + " " : ""
            let head = line.typed.split(separator: " ", omittingEmptySubsequences: false).dropLast().joined(
                separator: " ")
            return common.isEmpty ? line.typed : head + " " + common
        }
        let output = try await run(
            ["zsh", "-f"],
            #"""
            zmodload zsh/zpty
            zpty z zsh -f -i
            zpty -w z "unsetopt zle_bracketed_paste; PROMPT=; autoload -Uz compinit; compinit -u -D; source <(smartconnector completions zsh); unsetopt beep list_beep auto_list; shown() { print -r -- \"<<\$BUFFER>>\"; BUFFER=; }; zle -N shown; bindkey '^X' shown; bindkey '^I' complete-word; echo REA''DY"
            while zpty -r z line; do [[ $line == *READY* ]] && break; done
            while IFS= read -r typed; do
              zpty -n -w z "$typed"$'\t\x18'
              out=
              while zpty -r z line; do out+=$line; [[ $line == *'>>'* ]] && break; done
              print -r -- "${${out##*<<}%%>>*}"
            done <<'END'
            \#(Self.lines.map(\.typed).joined(separator: "\n"))
            END
            zpty -d z

            """#)
        #expect(
            output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init) == expected)
    }

    @Test(arguments: [["bash", "-n"], ["zsh", "-n"], ["fish", "--no-execute"]])
    func aConnectorsOwnCommandsAreInItsScript(_ shell: [String]) async throws {
        let own = try Harness(ConnectorCommand("my-connector", commands: [Greet()]))
        let script = await own("completions", shell[0]).output
        #expect(script.contains("greet") && script.contains("--times"))
        #expect(try await run(shell, script) == "")
        #expect(await own("completions", "tcsh").error.contains("bash, zsh or fish"))
    }

    // MARK: The manual page

    @Test func theManualPageIsReadWithoutAWarning() async throws {
        let own = try Harness(ConnectorCommand("my-connector", commands: [Greet()]))
        for harness in [harness, own] {
            let page = await harness("man").output
            try Data(page.utf8).write(to: URL(fileURLWithPath: harness.file("page.1")))
            let result = ChildProcess.run(
                ["groff", "-man", "-ww", "-Kutf8", "-Tutf8", "-P-c", "-rLL=80n", "-z", harness.file("page.1")])
            #expect(result.status == 0)
            #expect(result.output == "")
            for command in CommandList.builtIn.flatMap(\.commands) {
                #expect(page.contains("\n.SS \(command.name.replacing("-", with: "\\-"))\n"))
            }
        }
        #expect(await own("man").output.contains(".SS greet"))
    }

    @Test func whatIsInTheTextIsNoRequest() {
        struct Odd: Command {
            static let name = "odd"
            static let summary = ".br 'x \\fB"
            @Flag("--odd", ".sp \\n \u{1B}") var isOdd: Bool
            func run(_ session: Session) async throws -> ExitCode { .done }
        }
        let list = try? CommandList(own: [Odd()], shared: [])
        let page = ManualPage(
            reference: Reference(program: "p", commands: list ?? .init(sections: []), shared: []), version: "1"
        ).text
        #expect(page.contains("\n\\&.br \\(aqx \\efB.\n"))
        #expect(page.contains("\n\\&.sp \\en \\eu{1B}\n"))
    }
}
