import Foundation
import Limits
import SmartConnector
import Synchronization
import Testing

/// Which integrations a campaign is about, and what is counted of them.
@Suite(.ends(within: .minutes(3)))
struct CampaignTests {
    private static func campaign(_ goal: Campaign.Goal, stopAfterFailures: Int? = nil) -> Campaign {
        Campaign(
            id: "7", connector: "c", goal: goal, stopAfterFailures: stopAfterFailures, state: .running,
            created: .distantPast)
    }

    private static func integration(
        _ mode: Mode, version: String? = "1.0.0", connector: String = "c"
    ) throws -> Integration {
        var integration = try Integration(["_connectorId": JSON(connector), "mode": JSON(mode.rawValue)])
        integration["version"] = version.map { JSON($0) }
        return integration
    }

    @Test func anUpdateIsForWhatIsInstalledAndOlderOrOfNoVersionAtAll() throws {
        let campaign = Self.campaign(.update(to: "2.0.0"))
        #expect(campaign.concerns(try Self.integration(.settings)))
        #expect(campaign.concerns(try Self.integration(.settings, version: nil)))
        #expect(!campaign.concerns(try Self.integration(.settings, version: "2.0.0")))
        #expect(!campaign.concerns(try Self.integration(.settings, version: "2.0.1")))
        #expect(!campaign.concerns(try Self.integration(.settings, version: "latest")))
        #expect(!campaign.concerns(try Self.integration(.settings, connector: "d")))
        for mode in [Mode.install, .uninstall] { #expect(!campaign.concerns(try Self.integration(mode))) }
    }

    @Test func anInstallationIsForWhatIsBeingInstalledAndARemovalForAll() throws {
        let all: [Mode] = [.install, .settings, .uninstall]
        #expect(try all.filter { Self.campaign(.install).concerns(try Self.integration($0)) } == [.install])
        #expect(try all.filter { Self.campaign(.uninstall).concerns(try Self.integration($0)) } == all)
        for goal in [Campaign.Goal.install, .uninstall] {
            #expect(!Self.campaign(goal).concerns(try Self.integration(.install, connector: "d")))
        }
    }

    @Test func twoStatusesAreEqualWhereAllIsThatTheyCount() {
        let campaign = Self.campaign(.install)
        func status(
            _ campaign: Campaign = campaign, _ pending: Int = 4, _ claimed: Int = 3, _ succeeded: Int = 2,
            _ failed: Int = 1, _ failures: [(code: String, count: Int)] = [("down", 1)]
        ) -> CampaignStatus {
            CampaignStatus(
                campaign: campaign, pending: pending, claimed: claimed, succeeded: succeeded, failed: failed,
                failures: failures)
        }
        #expect(status() == status())
        for other in [
            status(Self.campaign(.uninstall)), status(campaign, 5), status(campaign, 4, 2), status(campaign, 4, 3, 3),
            status(campaign, 4, 3, 2, 2), status(campaign, 4, 3, 2, 1, []),
            status(campaign, 4, 3, 2, 1, [("denied", 1)]), status(campaign, 4, 3, 2, 1, [("down", 2)]),
        ] {
            #expect(status() != other)
        }
    }

    @Test func theMostFrequentFailureIsNamedFirstAndThoseThatAreAlikeByTheirCodes() {
        let status = CampaignStatus(
            campaign: Self.campaign(.install), failed: 7, failures: [("b", 1), ("d", 4), ("a", 1), ("c", 1)])
        #expect(status.failures.map(\.code) == ["d", "a", "b", "c"])
    }

    /// Of 40 it takes 20 that have ended, of fewer than 20 all of them.
    @Test(arguments: [(40, 19, false), (40, 20, true), (8, 7, false), (8, 8, true), (20, 20, true)])
    func aShareOfFailuresMeansNothingBeforeEnoughHaveEnded(_ total: Int, _ ended: Int, _ isFailing: Bool) {
        let status = CampaignStatus(
            campaign: Self.campaign(.install, stopAfterFailures: 50), pending: total - ended, failed: ended)
        #expect(status.isFailing == isFailing)
    }

    @Test(arguments: [(2, false), (3, true)])
    func aCampaignStopsWhenMoreFailThanItMayAndNotWhenJustSoManyDo(_ failed: Int, _ isFailing: Bool) {
        let campaign = Self.campaign(.install, stopAfterFailures: 10)
        #expect(CampaignStatus(campaign: campaign, succeeded: 20 - failed, failed: failed).isFailing == isFailing)
        let without = Self.campaign(.install)
        #expect(!CampaignStatus(campaign: without, failed: 20).isFailing)
    }
}
