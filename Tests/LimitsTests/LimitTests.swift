import Foundation
import Limits
import Processes
import Testing

@Suite(.ends(within: .minutes(3)))
struct LimitTests {
    @Test func aTestThatIsOverItsLimitFailsAndWhatItWaitsForEnds() async throws {
        let test = try #require(Test.current)
        let (child, output) = (ChildProcess(), Pipe())
        try await withKnownIssue {
            try await Limit.ends(within: .zero, respite: .seconds(3600)).provideScope(for: test, testCase: nil) {
                // Prints nothing, and does not end by itself.
                try #require(child.start(["tail", "-f", "/dev/null"], output: .pipe(output)))
                #expect(output.fileHandleForReading.availableData.isEmpty)
                try await until { Task.isCancelled }
            }
        } matching: { issue in
            issue.comments.contains { $0.rawValue.hasPrefix("it was not done within") }
        }
        #expect(await child.ended() == SIGKILL)
    }

    @Test func oneThatEndsBeforeIsNotDisturbed() async throws {
        let test = try #require(Test.current)
        try await Limit.ends(within: .seconds(3600)).provideScope(for: test, testCase: nil) {
            #expect(!Task.isCancelled)
        }
        await #expect(throws: CocoaError.self) {
            try await Limit.ends(within: .seconds(3600)).provideScope(for: test, testCase: nil) {
                throw CocoaError(.userCancelled)
            }
        }
    }
}
