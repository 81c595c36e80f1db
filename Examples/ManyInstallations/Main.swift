import Foundation
import SmartConnector

@main
struct Main {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 2 else {
            print("usage: many-installations FOLDER [CUSTOMERS]")
            exit(64)
        }
        let backend = try Backend(folder: arguments[1])
        let customers = arguments.count > 2 ? Int(arguments[2]) ?? 40 : 40
        let (campaign, isNew) = try await backend.campaign(customers: customers)
        tell(isNew ? "begun: campaign \(campaign.id)" : "going on with campaign \(campaign.id)")
        let status = try await backend.work(on: campaign) { status in
            tell(
                "\(status.succeeded) of \(status.total) installed, \(status.claimed) under way, \(status.failed) failed"
            )
        }
        for failure in status.failures { tell("\(failure.count) failed: \(failure.code)") }
        tell("\(status.succeeded) of \(status.total) installed: \(status.campaign.state.rawValue)")
        exit(status.campaign.state == .finished && status.failed == 0 ? 0 : 1)
    }

    /// A line at once, also where nobody sits at a terminal.
    static func tell(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }
}
