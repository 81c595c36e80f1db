/// What is counted and measured, by the names under which it is served.
///
/// The names are a format: dashboards and alarms are made of them. They are only ever added to.
enum Metric: Int, CaseIterable, Sendable {
    case flows, flowDuration, flowsInProgress
    case calls, callDuration, callFailures, callsInProgress, callsInDoubt, callsRepeated
    case leasesHeld, leases, leaseRefusals
    case storeRequests, storeRequestDuration
    case integrationsInDoubt, integrationsParked, journalRead
    case campaignIntegrations, campaignFailures, campaignRunning, campaignsRead
    case httpRequests, httpRequestDuration, httpConnections

    enum Kind: String, Sendable { case counter, gauge, histogram }

    /// What is said of a metric, and which labels it has.
    struct Description: Sendable {
        let name: String
        let kind: Kind
        /// Labels whose values are among a few that are known here.
        var labels: [String] = []
        /// Labels whose values come from documents, functions and callers, those that vary most at the end.
        var foreignLabels: [String] = []
        let help: String
    }

    /// What each name begins with.
    static let prefix = "smartconnector_"

    var description: Description {
        switch self {
        case .flows:
            Description(
                name: "flows_total", kind: .counter, labels: ["goal", "result"], foreignLabels: ["code"],
                help: "Sessions of driving an integration that ended.")
        case .flowDuration:
            Description(
                name: "flow_duration_seconds", kind: .histogram, labels: ["goal"], help: "How long these took.")
        case .flowsInProgress:
            Description(name: "flows_in_progress", kind: .gauge, help: "Sessions of driving an integration under way.")
        case .calls:
            Description(
                name: "calls_total", kind: .counter, labels: ["kind", "result"], foreignLabels: ["function"],
                help: "Calls of functions that ended, each attempt.")
        case .callDuration:
            Description(
                name: "call_duration_seconds", kind: .histogram, labels: ["kind"], foreignLabels: ["function"],
                help: "How long these took.")
        case .callFailures:
            Description(
                name: "call_failures_total", kind: .counter, labels: ["kind"], foreignLabels: ["function", "code"],
                help: "Calls that failed, or said that they are not done, by the code of the reason.")
        case .callsInProgress:
            Description(name: "calls_in_progress", kind: .gauge, help: "Calls of functions under way.")
        case .callsInDoubt:
            Description(
                name: "calls_in_doubt_total", kind: .counter, labels: ["kind"], foreignLabels: ["function"],
                help: "Calls that took too long or were not waited for: nobody knows whether they took effect.")
        case .callsRepeated:
            Description(
                name: "calls_repeated_total", kind: .counter, labels: ["kind"], foreignLabels: ["function"],
                help: "Calls made again since nobody had learnt what became of the one before.")
        case .leasesHeld:
            Description(
                name: "leases_held", kind: .gauge, help: "Integrations that this process has the right to drive.")
        case .leases:
            Description(
                name: "leases_total", kind: .counter, labels: ["result"],
                help: "Leases that ended: given back, or lost to somebody else (failed).")
        case .leaseRefusals:
            Description(
                name: "lease_refusals_total", kind: .counter,
                help: "Sessions that were refused, since somebody else drives the integration.")
        case .storeRequests:
            Description(
                name: "store_requests_total", kind: .counter, labels: ["operation", "result"], foreignLabels: ["code"],
                help: "Requests of flows to the store, the API and the journal, each try.")
        case .storeRequestDuration:
            Description(
                name: "store_request_duration_seconds", kind: .histogram, labels: ["operation"],
                help: "How long these took.")
        case .integrationsInDoubt:
            Description(
                name: "integrations_in_doubt", kind: .gauge, labels: ["kind"], foreignLabels: ["function"],
                help:
                    "Integrations with a call of which nobody knows whether it took effect, and for which nobody waits."
            )
        case .integrationsParked:
            Description(
                name: "integrations_parked", kind: .gauge, labels: ["kind"], foreignLabels: ["function"],
                help: "Integrations that were given up until a person has looked at them.")
        case .journalRead:
            Description(
                name: "journal_read", kind: .gauge,
                help: "1 where all of the journal could be read for this answer, else 0.")
        case .campaignIntegrations:
            Description(
                name: "campaign_integrations", kind: .gauge, labels: ["goal", "state"],
                foreignLabels: ["connector", "campaign"],
                help: "Integrations of the newest campaigns: waiting, claimed, succeeded or failed.")
        case .campaignFailures:
            Description(
                name: "campaign_failures", kind: .gauge, labels: ["goal"],
                foreignLabels: ["connector", "campaign", "code"],
                help: "Integrations of the newest campaigns that failed, by the code of the reason.")
        case .campaignRunning:
            Description(
                name: "campaign_running", kind: .gauge, labels: ["goal"], foreignLabels: ["connector", "campaign"],
                help: "1 where workers may take integrations from it, else 0.")
        case .campaignsRead:
            Description(
                name: "campaigns_read", kind: .gauge,
                help: "1 where the campaigns could be read for this answer, else 0.")
        case .httpRequests:
            Description(
                name: "http_requests_total", kind: .counter, labels: ["method", "route", "status"],
                help: "Requests to this server that are over.")
        case .httpRequestDuration:
            Description(
                name: "http_request_duration_seconds", kind: .histogram, labels: ["route"],
                help: "From the arrival of the header to the end of the answer.")
        case .httpConnections:
            Description(
                name: "http_connections", kind: .gauge, help: "Open connections, that of this request included.")
        }
    }

    /// Its whole name.
    var name: String { Self.prefix + description.name }

    /// The upper ends of the buckets of a histogram, in seconds.
    static let buckets: [Double] = [
        0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
    ]
}
