import SmartConnector

/// Goes through all events of a flow, as who watches it does.
///
/// - Returns: The event that a person has to see to, or nil where all is done.
func stop(of events: FlowEvents) async throws -> FlowEvent? {
    var last: FlowEvent?
    for try await event in events { last = event }
    guard let last, last.needsPerson else { return nil }
    return last
}
