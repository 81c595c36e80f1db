import Foundation
public import SmartConnectorWire
import Synchronization

/// Counts what flows, functions, campaigns and the server do, and answers `GET /metrics` in the text format of Prometheus.
///
/// ```swift
/// let metrics = Metrics(token: Secret(token), campaigns: store)
/// connector.observer = metrics
/// let server = try HTTPServer(log: metrics.record, responder: Site(metrics: metrics, others: integrator))
/// ```
///
/// The names are those of the article <doc:Monitoring>. Whoever asks shows the token; everybody else is answered with 401.
/// However many functions, codes and paths there are, the number of series is bounded: beyond it a label from elsewhere says
/// `other`. No label holds more than a name or a code.
public final class Metrics: HTTPResponder, FlowObserver {
    private let token: Secret
    private let secrets: [Secret]
    private let campaigns: (any CampaignQueue)?
    private let journal: (any JournalSurvey)?
    private let table = Guarded(MetricTable())
    /// The campaigns and the journal as they were a moment ago: whoever asks often costs the database no more.
    private let statuses: Remembered<(statuses: [CampaignStatus], isRead: Bool)>
    private let troubles: Remembered<JournalTroubles?>

    /// How many campaigns are told of, the newest.
    private static let maximumCampaigns = 10

    /// Metrics of this process, all of them zero.
    ///
    /// - Parameters:
    ///   - token: What whoever asks has to show as bearer token.
    ///   - campaigns: Where campaigns are, if their progress is to be told.
    ///   - journal: The journal, if it is to be told how many of its integrations wait for a person.
    ///   - secrets: Other tokens that are to be in no label, whoever repeats them.
    public convenience init(
        token: Secret, campaigns: (any CampaignQueue)? = nil, journal: (any JournalSurvey)? = nil,
        secrets: [Secret] = []
    ) {
        self.init(token: token, campaigns: campaigns, journal: journal, secrets: secrets) { .now }
    }

    /// The same, with a clock of its own.
    init(
        token: Secret, campaigns: (any CampaignQueue)? = nil, journal: (any JournalSurvey)? = nil,
        secrets: [Secret] = [], now: @escaping @Sendable () -> ContinuousClock.Instant
    ) {
        (self.token, self.campaigns, self.journal) = (token, campaigns, journal)
        (statuses, troubles) = (Remembered(now), Remembered(now))
        self.secrets = secrets + [token]
        table.withLock { table in
            for gauge in [Metric.flowsInProgress, .callsInProgress, .leasesHeld] { table.set(gauge, to: 0) }
        }
    }

    // MARK: What is told

    /// A flow, a call or a lease begins.
    public func began(_ span: FlowSpan) {
        guard let gauge = Self.gauge(of: span) else { return }
        table.withLock { $0.add(gauge) }
    }

    /// It has ended.
    public func ended(_ span: FlowSpan, _ end: FlowSpan.End, after duration: Duration) {
        let code = end.failure.map { shown($0.code) } ?? ""
        table.withLock { table in
            if let gauge = Self.gauge(of: span) { table.add(gauge, by: -1) }
            switch span.kind {
            case .flow:
                table.add(.flows, [span.name, end.name, code])
                table.observe(.flowDuration, [span.name], duration)
                if code == SmartConnectorError.Code.busy.rawValue { table.add(.leaseRefusals) }
            case .lease: table.add(.leases, [end.name])
            case .request:
                table.add(.storeRequests, [span.name, end.name, code])
                table.observe(.storeRequestDuration, [span.name], duration)
            case .call: Self.ended(span, shown(span.function?.name ?? ""), end, code, duration, &table)
            case .step: break
            }
        }
    }

    private static func ended(
        _ call: FlowSpan, _ function: String, _ end: FlowSpan.End, _ code: String, _ duration: Duration,
        _ table: inout MetricTable
    ) {
        let kind = call.function?.kind ?? ""
        table.add(.calls, [kind, end.name, function])
        table.observe(.callDuration, [kind, function], duration)
        if case .failed = end { table.add(.callFailures, [kind, function, code]) }
        if case .inDoubt = end { table.add(.callsInDoubt, [kind, function]) }
        if call.recoveries > 0 { table.add(.callsRepeated, [kind, function]) }
    }

    private static func gauge(of span: FlowSpan) -> Metric? {
        switch span.kind {
        case .flow: .flowsInProgress
        case .call: .callsInProgress
        case .lease: .leasesHeld
        case .step, .request: nil
        }
    }

    /// A request to the server is over.
    @Sendable
    public func record(_ entry: AccessLogEntry) {
        let route = Self.route(entry.path)
        let method = Self.methods.contains(entry.method) ? entry.method : "other"
        table.withLock { table in
            table.add(.httpRequests, [method, route, entry.status.map(String.init) ?? "none"])
            table.observe(.httpRequestDuration, [route], entry.duration)
        }
    }

    private static let methods: Set = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]

    /// Which part of the server a path is of: one of a few, whatever callers make up.
    private static func route(_ path: String) -> String {
        let parts = path.split(separator: "/", maxSplits: 2)
        switch parts.first {
        case nil: return "/"
        case "v1"?:
            let collections = ["integrations", "connectors", "tokenInfo"]
            return collections.contains { parts.count > 1 && parts[1] == $0 } ? "/v1/\(parts[1])" : "/v1"
        case "function"?, "functions"?, "page"?, "metrics"?, "livez"?, "readyz"?, "healthCheck"?, "openapi.json"?:
            return "/\(parts[0])"
        default: return "other"
        }
    }

    private func shown(_ text: String) -> String { text.redacting(secrets) }

    // MARK: Answering

    /// Answers `GET /metrics` for whoever shows the token.
    public func respond(to request: HTTPRequest) async -> HTTPResponse {
        if let refusal = refusal(of: request) { return refusal }
        guard request.method == "GET" else { return .methodNotAllowed("GET") }
        var table = table.withLock { $0 }
        if let others = request.openConnections { table.set(.httpConnections, to: Double(others + 1)) }
        await readJournal(into: &table)
        await readCampaigns(into: &table)
        return HTTPResponse(
            status: 200,
            headers: [HTTPRequest.Field("Content-Type", "text/plain; version=0.0.4; charset=utf-8")],
            body: Array(table.text.utf8))
    }

    /// Refuses whoever does not show the token.
    public func refusal(of header: HTTPRequest) -> HTTPResponse? {
        guard let shown = header.bearerToken, !shown.value.isEmpty, shown == token else {
            return HTTPResponse(APIError.notAccepted)
        }
        return nil
    }

    private func readJournal(into table: inout MetricTable) async {
        guard let journal else { return }
        let troubles = await troubles.value {
            do { return try await journal.troubles() } catch { return nil }
        }
        table.set(.journalRead, to: troubles?.unreadable == 0 ? 1 : 0)
        for (function, count) in troubles?.inDoubt ?? [:] {
            table.add(.integrationsInDoubt, [function.kind, shown(function.name)], by: Double(count))
        }
        for (function, count) in troubles?.parked ?? [:] {
            table.add(.integrationsParked, [function.kind, shown(function.name)], by: Double(count))
        }
    }

    private func readCampaigns(into table: inout MetricTable) async {
        guard let campaigns else { return }
        let (statuses, isRead) = await statuses.value { await Self.statuses(of: campaigns) }
        table.set(.campaignsRead, to: isRead ? 1 : 0)
        for status in statuses {
            let campaign = status.campaign
            let (goal, labels) = (campaign.goal.name, [shown(campaign.connector), campaign.id])
            for (state, count) in [
                ("waiting", status.pending - status.claimed), ("claimed", status.claimed),
                ("succeeded", status.succeeded), ("failed", status.failed),
            ] {
                table.set(.campaignIntegrations, [goal, state] + labels, to: Double(count))
            }
            for (code, count) in status.failures {
                table.set(.campaignFailures, [goal] + labels + [shown(code)], to: Double(count))
            }
            table.set(.campaignRunning, [goal] + labels, to: campaign.state == .running ? 1 : 0)
        }
    }

    private static func statuses(
        of queue: any CampaignQueue
    ) async -> (statuses: [CampaignStatus], isRead: Bool) {
        var found: [CampaignStatus] = []
        do {
            for campaign in try await queue.campaigns(limit: maximumCampaigns) {
                found.append(try await queue.status(of: campaign.id))
            }
        } catch {
            // The rest is told all the same: that the database is away is what somebody wants to see here.
            return (found, false)
        }
        return (found, true)
    }
}

/// What was read for an answer, until it is old: after five seconds, or ten times as long as it took.
private final class Remembered<Value: Sendable>: Sendable {
    private let known = Guarded<(value: Value, until: ContinuousClock.Instant)?>(nil)
    private let now: @Sendable () -> ContinuousClock.Instant

    init(_ now: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.now = now
    }

    func value(_ read: () async -> Value) async -> Value {
        if let known = known.withLock({ $0 }), known.until > now() { return known.value }
        let began = now()
        let value = await read()
        let end = now()
        let until = end + max(.seconds(5), (end - began) * 10)
        known.withLock { $0 = (value, until) }
        return value
    }
}
