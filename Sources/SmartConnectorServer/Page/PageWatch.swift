import Foundation
import SmartConnector
import SmartConnectorWire
import Synchronization

/// Tells browsers what happens, for as long as any of them look.
final class PageWatch: Sendable {
    enum Subject: Sendable, Hashable {
        case integration(String)
        case list(PageQuery)
    }

    private struct Watcher: Sendable {
        let subject: Subject
        let stream: HTTPStream
        /// Whether whoever looks is still signed in.
        let isAllowed: @Sendable () -> Bool
    }

    private struct State: Sendable {
        var watchers: [Int: Watcher] = [:]
        var next = 0
        var isOver = false
        /// What each of the subjects looked like when somebody looked last.
        var seen: [Subject: String] = [:]
        var looking: Task<Void, Never>?
    }

    /// How many may look at once.
    private static let most = 256
    private let state = Guarded(State())

    /// Begins to tell somebody.
    ///
    /// - Parameters:
    ///   - subject: What they look at.
    ///   - sight: What it looks like at the moment, before they have seen it: so they are told of whatever changes after.
    ///   - isAllowed: Whether they still may.
    ///   - look: Looks again.
    /// - Returns: Nil where too many look already.
    func begin(
        _ subject: Subject, seeing sight: String, isAllowed: @escaping @Sendable () -> Bool,
        look: @escaping @Sendable (Subject) async -> String
    ) -> HTTPStream? {
        state.withLock { state in
            guard state.watchers.count < Self.most, !state.isOver else { return nil }
            let number = state.next
            state.next += 1
            let stream = HTTPStream(sign: Array(": still here\n\n".utf8)) { [weak self] in self?.leave(number) }
            stream.send(Array("retry: 1000\n\n".utf8))
            state.watchers[number] = Watcher(subject: subject, stream: stream, isAllowed: isAllowed)
            if state.seen[subject] == nil { state.seen[subject] = sight }
            if state.looking == nil { state.looking = Task { [weak self] in await self?.lookAgain(look) } }
            return stream
        }
    }

    private func leave(_ number: Int) {
        state.withLock { state in
            guard let left = state.watchers.removeValue(forKey: number) else { return }
            if !state.watchers.values.contains(where: { $0.subject == left.subject }) { state.seen[left.subject] = nil }
            guard state.watchers.isEmpty else { return }
            state.looking?.cancel()
            state.looking = nil
        }
    }

    /// Looks about once a second: others may change a store without telling anybody.
    private func lookAgain(_ look: @Sendable (Subject) async -> String) async {
        var pause = Duration.seconds(1)
        // Ends when it is cancelled, by the last who looks.
        while (try? await Task.sleep(for: pause)) != nil {
            let began = ContinuousClock.now
            leaveOut()
            for subject in Set(state.withLock { $0.watchers.values.map(\.subject) }) {
                let sight = await look(subject)
                let isNew = state.withLock { state in
                    guard let before = state.seen[subject] else { return false }
                    state.seen[subject] = sight
                    return before != sight
                }
                if isNew { send("changed", [:], to: subject) }
            }
            // What takes long is done less often.
            pause = max(.seconds(1), (ContinuousClock.now - began) * 5)
        }
    }

    /// Ends what those are told who have been signed out.
    func leaveOut() {
        for watcher in state.withLock({ Array($0.watchers.values) }) where !watcher.isAllowed() {
            watcher.stream.finish()
        }
    }

    /// Something has happened here.
    func tell(_ event: FlowEvent, of integration: String) {
        send("flow", event.json(of: integration, at: Date()), to: .integration(integration))
    }

    /// An integration is not as it was.
    func changed(_ integration: String) { send("changed", [:], to: .integration(integration)) }

    private func send(_ event: String, _ json: JSON, to subject: Subject) {
        leaveOut()
        let bytes = Array("event: \(event)\ndata: \(json.text())\n\n".utf8)
        let streams = state.withLock { state in
            state.watchers.values.filter { $0.subject == subject }.map(\.stream)
        }
        for stream in streams { stream.send(bytes) }
    }

    func end() {
        let streams = state.withLock { state in
            state.isOver = true
            state.looking?.cancel()
            return state.watchers.values.map(\.stream)
        }
        for stream in streams { stream.finish() }
    }
}

extension WizardPage {
    /// What happens to what somebody looks at, as server-sent events: `flow` with an event of a flow, and `changed` when it is
    /// to be read again.
    func events(_ request: HTTPRequest) async throws -> HTTPResponse {
        let subject: PageWatch.Subject =
            request.parameter("integration").map { .integration($0) } ?? .list(PageQuery(request))
        guard let session = sessions.session(of: request) else {
            throw APIError(.unauthorized, "sign in first", status: 401)
        }
        let sight = await sight(of: subject)
        guard
            let stream = watch.begin(
                subject, seeing: sight, isAllowed: { [sessions] in sessions.isGood(session) },
                look: { [weak self] in await self?.sight(of: $0) ?? "" })
        else { throw APIError(.busy, "too many look at once", status: 503) }
        var response = HTTPResponse(
            status: 200,
            headers: [
                HTTPRequest.Field("Content-Type", "text/event-stream"),
                // Some servers in front would else wait until there is more.
                HTTPRequest.Field("X-Accel-Buffering", "no"),
            ])
        response.stream = stream
        return response
    }

    /// A text that is another when there is something new to see.
    private func sight(of subject: PageWatch.Subject) async -> String {
        do {
            switch subject {
            case .list(let query): return try await list(query).json.text()
            case .integration(let id):
                let entry = try await journal.entry(of: id)
                let stored = try await integrator.store.get(id)
                let driver = entry.lease.map { "\($0.holder) \(LeaseHolder.hasEnded($0.holder))" } ?? ""
                let made = try await journal.ledger(of: id).count
                let document = stored.revision?.text ?? stored.integration.lastModified ?? ""
                return "\(entry.revision) \(document) \(driver) \(made)"
            }
        } catch {
            // That it cannot be seen is to be seen.
            return "\(error)"
        }
    }
}
