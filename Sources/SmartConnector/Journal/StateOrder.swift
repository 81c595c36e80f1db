import Synchronization

/// What all journals of this process that are kept in the same state have in common: the order of their requests, and
/// what they have seen of leases.
final class StateOrder: Sendable {
    /// What a lease looked like: each sign of life of its holder makes it another.
    struct Sign: Equatable {
        let holder: String
        /// How many writes the journal has had.
        let revision: Int64
        /// Counts the renewals since the last of these.
        let renewals: Int64
    }

    private struct Observation {
        var sign: Sign
        /// When it was seen first.
        var since: Duration
        /// Whether something else was seen before, so that the holder lived then.
        var isChange: Bool
    }

    private struct Contents {
        var lines: [String: Line] = [:]
        var observations: [String: Observation] = [:]
        /// The highest number that a renewal of this process has had.
        var renewals: Int64 = 0
        var ticket: UInt64 = 0
    }

    /// Those who want to reach one integration's state.
    private struct Line {
        var waiting: [(ticket: UInt64, continuation: CheckedContinuation<Void, any Error>)] = []
    }

    /// How many may wait for one integration, and of how many it is remembered what was seen.
    private static let longestLine = 1000, observationLimit = 10_000

    private let contents = Guarded(Contents())

    // MARK: Order

    /// Runs requests about one integration when those before them are done, in the order in which they came.
    ///
    /// - Throws: `CancellationError` where the task is cancelled while it waits; ``APIError/Code/busy`` where too many
    ///   wait.
    func inOrder<T>(_ integration: String, _ body: () async throws -> T) async throws -> T {
        try await enter(integration)
        defer { leave(integration) }
        return try await body()
    }

    private func enter(_ integration: String) async throws {
        let ticket: UInt64? = contents.withLock { contents in
            contents.ticket += 1
            guard contents.lines[integration] != nil else {
                contents.lines[integration] = Line()
                return nil
            }
            return contents.ticket
        }
        guard let ticket else { return }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                contents.withLock { contents in
                    guard var line = contents.lines.removeValue(forKey: integration) else {
                        // Whoever was there has left meanwhile.
                        contents.lines[integration] = Line()
                        return continuation.resume()
                    }
                    if Task.isCancelled {
                        continuation.resume(throwing: CancellationError())
                    } else if line.waiting.count >= Self.longestLine {
                        continuation.resume(
                            throwing: APIError(
                                .busy,
                                "\(Self.longestLine) requests about the journal of integration \(integration) wait already"
                            ))
                    } else {
                        line.waiting.append((ticket, continuation))
                    }
                    contents.lines[integration] = line
                }
            }
        } onCancel: {
            contents.withLock { contents in
                guard let index = contents.lines[integration]?.waiting.firstIndex(where: { $0.ticket == ticket })
                else { return }
                contents.lines[integration]?.waiting.remove(at: index).continuation
                    .resume(throwing: CancellationError())
            }
        }
    }

    private func leave(_ integration: String) {
        contents.withLock { contents in
            guard contents.lines[integration]?.waiting.isEmpty == false else {
                contents.lines[integration] = nil
                return
            }
            contents.lines[integration]?.waiting.removeFirst().continuation.resume()
        }
    }

    // MARK: What was seen

    /// A number for a renewal that none of this process had, and that is higher than the one before.
    func nextRenewal(after last: Int64) -> Int64 {
        contents.withLock { contents in
            contents.renewals = max(contents.renewals, last) + 1
            return contents.renewals
        }
    }

    /// Notes what a lease looked like.
    ///
    /// - Parameters:
    ///   - start: Before it was asked for.
    ///   - end: When the answer was there.
    /// - Returns: For how long it has looked so at least, and whether it was seen to change before.
    func observe(
        _ sign: Sign, of integration: String, from start: Duration, to end: Duration
    ) -> (unchanged: Duration, isChange: Bool) {
        contents.withLock { contents in
            let last = contents.observations[integration]
            if let last, last.sign == sign { return (max(.zero, start - last.since), last.isChange) }
            if contents.observations.count >= Self.observationLimit { contents.observations = [:] }
            let isChange = last?.sign.holder == sign.holder
            contents.observations[integration] = Observation(sign: sign, since: end, isChange: isChange)
            return (.zero, isChange)
        }
    }

    /// Forgets a lease that is not there any more.
    func forget(_ integration: String) {
        contents.withLock { $0.observations[integration] = nil }
    }

    // MARK: Who shares it

    private enum Place: Hashable {
        case named(String)
        case object(ObjectIdentifier)
    }

    /// An order, for as long as the API is there that it is of.
    ///
    /// Unchecked: every `IntegrationStateAPI` is `Sendable`, and the object is only asked whether it is still there.
    private struct Entry: @unchecked Sendable {
        let order: StateOrder
        weak var object: AnyObject?
        let isObject: Bool

        var isOver: Bool { isObject && object == nil }
    }

    private static let orders = Guarded<[Place: Entry]>([:])

    /// The order of requests to an API: one for each place that states are kept in.
    static func shared(by api: any IntegrationStateAPI) -> StateOrder {
        let object = api.object
        let place: Place =
            if let name = api.statePlace {
                .named(name)
            } else if let object {
                .object(ObjectIdentifier(object))
            } else {
                // A value: nothing tells which of its type reach the same. To wait for another does no harm.
                .named(String(reflecting: type(of: api)))
            }
        let isObject = if case .object = place { true } else { false }
        let new = Entry(order: StateOrder(), object: object, isObject: isObject)
        return orders.withLock { orders in
            if let known = orders[place], !known.isOver { return known.order }
            orders = orders.filter { !$0.value.isOver }
            orders[place] = new
            return new.order
        }
    }
}

extension IntegrationStateAPI {
    /// The object that it is; nil where it is none.
    fileprivate var object: AnyObject? { SmartConnector.object(of: self) }
}
