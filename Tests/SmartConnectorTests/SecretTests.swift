import Limits
import SmartConnector
import Testing

@Suite(.ends(within: .minutes(3)))
struct SecretTests {
    @Test func printsAsRedactedWhereverItTurnsUp() {
        let options = CallOptions(bearerToken: Secret("t0ken"))
        var dumped = ""
        dump(options, to: &dumped)
        for text in ["\(options)", String(reflecting: options), dumped, "\(Secret("t0ken"))"] {
            #expect(!text.contains("t0ken"))
            #expect(text.contains("redacted") || text.contains("Secret"))
        }
    }

    @Test func isEqualToTheSameTokenOnly() {
        #expect(Secret("abc") == Secret("abc"))
        #expect(Secret("abc") != Secret("abd"))
        #expect(Secret("abc") != Secret("ab"))
    }
}
