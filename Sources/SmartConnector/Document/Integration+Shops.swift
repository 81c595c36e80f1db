extension Integration {
    /// One of several shops that a connector is installed for in one integration.
    public struct Shop: Sendable, Equatable {
        /// What calls name it by: `storeId`.
        public let id: String
        /// What the user sees it called. Nil where its section does not say.
        public let title: String?

        /// A shop.
        public init(id: String, title: String? = nil) {
            (self.id, self.title) = (id, title)
        }
    }

    /// The shops, in the order of the document: the sections of settings that have an `id`, where the settings say
    /// `supportsMultiStore`. None where the connector is not one of several shops.
    ///
    /// Source: the settings of integrator.io's connectors, as its pages show them.
    public var shops: [Shop] {
        guard let settings, settings["supportsMultiStore"]?.bool == true else { return [] }
        return (settings["sections"]?.array ?? []).compactMap { section in
            guard let id = section["id"].flatMap({ $0.isNull ? nil : $0.string ?? $0.text() }), !id.isEmpty else {
                return nil
            }
            return Shop(id: id, title: section["title"]?.string)
        }
    }
}
