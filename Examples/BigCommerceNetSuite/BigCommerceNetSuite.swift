import SmartConnector

/// The connector of `integration.json`: four steps between NetSuite and BigCommerce.
func bigCommerceNetSuite(_ world: OutsideWorld) -> Connector {
    var connector = Connector(id: "56fd5ad0945g2345c4e678aca76")

    // A connection is made by the user, so that its installer only looks whether it works.
    connector.installer("verifyNetSuiteConnection") { _ in
        try await world.check(.netsuite)
        return .completed
    }
    connector.uninstaller("deleteNetSuiteConnection") { _ in
        try await world.forget(.netsuite)
        return .completed
    }
    connector.installer("verifyBigCommerceConnection") { _ in
        try await world.check(.bigcommerce)
        return .completed
    }
    connector.uninstaller("deleteBigCommerceConnection") { _ in
        try await world.forget(.bigcommerce)
        return .completed
    }

    // A bundle is made by the connector. Installing one that is there already is no error: a call that a crash
    // interrupted is made again. What is made stands in the ledger until it is removed.
    connector.installer("verifyIntegratorBundleInstallation") { call in
        try await world.install("Integrator Bundle")
        try await call.ledger.created("bundle", "Integrator Bundle")
        return .completed
    }
    connector.uninstaller("uninstallVerifyIntegratorBundle") { call in
        try await world.uninstall("Integrator Bundle")
        try await call.ledger.removed("bundle", "Integrator Bundle")
        return .completed
    }
    connector.installer("verifyBigCommerceBundleInstallation") { call in
        try await world.install("BigCommerce Bundle")
        try await call.ledger.created("bundle", "BigCommerce Bundle")
        return .completed
    }
    connector.uninstaller("uninstallVerifyBigCommerceBundle") { call in
        try await world.uninstall("BigCommerce Bundle")
        try await call.ledger.removed("bundle", "BigCommerce Bundle")
        return .completed
    }

    connector.persistSettings { call in
        let identifier = call.pending?["commonresources"]?["genericExportApiIdentifier"]
        if let identifier, (identifier.string ?? "").isEmpty {
            return .rejected("commonresources.genericExportApiIdentifier must be a text that is not empty")
        }
        return .saved
    }

    // The settings get a member that the new version needs; what the user has set meanwhile stays.
    connector.update(to: "1.1.0") { call in
        try await call.api.edit(call.integrationID) { integration in
            if integration.settings?["currency"] == nil { integration.settings?["currency"] = "USD" }
        }
    }
    return connector
}
