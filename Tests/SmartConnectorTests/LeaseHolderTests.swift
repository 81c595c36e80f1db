import Limits
import SmartConnector
import Testing

#if os(Linux)
    import Glibc

    /// Who holds a lease is known to have ended, or it is waited for.
    @Suite(.ends(within: .minutes(3)))
    struct LeaseHolderTests {
        private let name = LeaseHolder.make()

        @Test func aNameSaysHostProcessAndStart() throws {
            let match = try #require(
                name.wholeMatch(of: #/(.+), process (\d+) \(([0-9a-f-]{36})-(\d+)-(\d+)\.[0-9a-z]+\.\d+\)/#))
            #expect(Int32(match.2) == getpid())
            #expect(LeaseHolder.make() != name)
        }

        @Test func whoLivesHasNotEnded() {
            #expect(!LeaseHolder.hasEnded(name))
        }

        @Test func whoGotTheNumberOfAProcessThatEndedIsNotTakenForIt() {
            #expect(LeaseHolder.hasEnded(name.replacing(#/-\d+\./#, with: "-1.")))
        }

        @Test func whoseNumberNobodyHasHasEnded() {
            #expect(LeaseHolder.hasEnded(name.replacing(#/process \d+/#, with: "process 2147483647")))
        }

        /// Machines that go on from one snapshot have the same start and the same process numbers.
        @Test func whoRunsOnAMachineOfAnotherNameMayLive() {
            let other = "another-" + name.replacing(#/process \d+/#, with: "process 2147483647")
            #expect(!LeaseHolder.hasEnded(other))
        }

        @Test func whoRanBeforeTheMachineWasStartedOrInAnotherContainerMayLive() {
            let dead = name.replacing(#/process \d+/#, with: "process 2147483647")
            for other in [
                // The first digits of a start are not all of it.
                dead.replacing(#/\(([0-9a-f]{8})-[0-9a-f]{4}-/#) { "(\($0.1)-0000-" },
                dead.replacing(#/-\d+-(\d+)\./#) { "-4026530000-\($0.1)." },
            ] {
                #expect(other != dead)
                #expect(!LeaseHolder.hasEnded(other))
            }
        }

        @Test(arguments: [
            "web-1, process 2147483647 (3f1c2d4e-4026531836.1k2j3h.7)", "web-1, process 2147483647 (unknown.1k2j3h.7)",
            "me", "", ", process 0 (-1..)", ", process 99999999999999999999 (a-1.b.c)",
        ])
        func whoHasANameOfAnEarlierVersionOrAnyOtherMayLive(_ name: String) {
            #expect(!LeaseHolder.hasEnded(name))
        }
    }
#endif
