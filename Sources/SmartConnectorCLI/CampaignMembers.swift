import SmartConnector
import SmartConnectorHTTP

/// Those that have installed a connector, without children, which are updated with their parents.
struct Installations: AsyncSequence, AsyncIteratorProtocol {
    let campaign: Campaign
    let account: IntegratorClient
    private var rest: ArraySlice<String>?

    init(_ campaign: Campaign, _ account: IntegratorClient) {
        (self.campaign, self.account) = (campaign, account)
    }

    func makeAsyncIterator() -> Self { self }

    mutating func next() async throws -> String? {
        if rest == nil {
            let installations = try await account.installBase(of: campaign.connector)
            rest = installations.filter { $0.parent == nil }.map(\.integration)[...]
        }
        return rest?.popFirst()
    }
}

/// Those of all in an account that a campaign concerns.
struct Concerned: AsyncSequence, AsyncIteratorProtocol {
    let campaign: Campaign
    let account: IntegratorClient
    private var page: ArraySlice<String> = []
    private var cursor: String?
    private var isLast = false

    init(_ campaign: Campaign, _ account: IntegratorClient) {
        (self.campaign, self.account) = (campaign, account)
    }

    func makeAsyncIterator() -> Self { self }

    mutating func next() async throws -> String? {
        while page.isEmpty, !isLast {
            let read = try await account.list(after: cursor, limit: 500)
            page = read.integrations.map(\.integration).filter(campaign.concerns).compactMap(\.id)[...]
            (cursor, isLast) = (read.next, read.next == nil)
        }
        return page.popFirst()
    }
}

/// Those that somebody has named.
struct Named: AsyncSequence, AsyncIteratorProtocol {
    private var rest: ArraySlice<String>

    init(_ ids: [String]) { rest = ids[...] }

    func makeAsyncIterator() -> Self { self }

    mutating func next() async throws -> String? { rest.popFirst() }
}
