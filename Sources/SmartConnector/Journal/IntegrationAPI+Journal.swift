extension IntegrationAPI {
    /// The journal that is kept where the documents are: the store itself, or integrator.io's state. Nil where there is no
    /// place for one.
    ///
    /// Whoever drives an integration, from wherever, is to use this one: of two journals neither knows what the other one
    /// says has returned.
    public var ownJournal: (any FlowJournal)? {
        if let store = self as? any TransactionalStore { return store }
        return (self as? any IntegrationStateAPI).map { StateJournal($0) }
    }
}
