import SmartConnector
import SmartConnectorWire

/// The connector of `integration.json`: orders of several shops go into a ledger.
func shopLedger(_ world: ShopWorld) -> Connector {
    var connector = Connector(id: "65a0f1c2d3e4b5a697887766")
    addSteps(to: &connector, world)
    addSettings(to: &connector)
    addUpdates(to: &connector, world)
    return connector
}

/// What the connector's record at integrator.io calls the functions for the connector as a whole: names of the author's own.
let shopLedgerRecord = ConnectorRecord(update: "migrateShopLedger", preUninstall: "planRemoval")

// MARK: Steps

private func addSteps(to connector: inout Connector, _ world: ShopWorld) {
    // A form: what was entered comes with the call.
    connector.installer("linkCompany") { call in
        guard let company = call.options.formValues?["company"]?.string, !company.isEmpty else {
            return .notYet("Say which company: the form asks for it")
        }
        try await world.link(company, region: call.options.formValues?["region"]?.string ?? "eu")
        try await call.ledger.created("company", company)
        return .completed
    }
    connector.uninstaller("unlinkCompany") { call in
        if let company = try await world.unlink() { try await call.ledger.removed("company", company) }
        return .completed
    }

    // A URL: the user allows it elsewhere, and the installer looks whether that was done.
    connector.installer("verifyPermission") { call in
        let wanted = scope(of: try await call.step()?.installURL)
        guard try await world.allows(wanted) else { return .notYet("Open the link and allow \(wanted) there") }
        return .completed
    }
    connector.uninstaller("revokePermission") { _ in
        try await world.revoke()
        return .completed
    }

    // One package a shop. What is there already is no error: a call that a crash interrupted is made again.
    connector.installer("installPackages") { call in
        for shop in shops(of: try await call.integration()) {
            try await world.install("orders-\(shop)", call.idempotencyKey)
            try await call.ledger.created("package", "orders-\(shop)")
        }
        return .completed
    }
    connector.uninstaller("removePackages") { call in
        for package in try await world.packages() {
            try await world.remove(package)
            try await call.ledger.removed("package", package)
        }
        return .completed
    }
    // The author's own order: the permission goes last, since packages are removed with it.
    connector.preUninstall { call in
        let steps = try await call.integration().steps.reversed()
        return .steps(steps.filter { $0.name != "Shop permission" } + steps.filter { $0.name == "Shop permission" })
    }
}

/// What a link asks the user to allow.
private func scope(of url: String?) -> String {
    url?.split(separator: "scope=").last.map(String.init) ?? "read_orders"
}

/// The ids of the shops: each has a section of the settings.
private func shops(of integration: Integration) -> [String] {
    (integration.settings?["sections"]?.array ?? []).compactMap { $0["id"]?.string }
}

// MARK: Settings

private func addSettings(to connector: inout Connector) {
    // As on the platform: `pending` names the fields, shop by shop, and the function writes their values.
    connector.persistSettings { call in
        let pending = call.pending ?? [:]
        let settings = try await call.integration().settings ?? [:]
        let saving = SettingsFields(settings).saving(pending)
        for (field, value) in saving.fields where field.name == "currency" {
            guard field.options?.contains(where: { $0.value == value }) ?? true else {
                return .rejected("\(value.string ?? "this") is no currency that the ledger keeps")
            }
        }
        try await call.api.edit(call.integrationID) { integration in
            var settings = integration.settings ?? [:]
            for (field, value) in saving.fields { settings[path: JSON.Path(field.path.components + ["value"])] = value }
            integration.settings = settings
        }
        return .saved
    }
}

// MARK: Updates

private func addUpdates(to connector: inout Connector, _ world: ShopWorld) {
    // A field more for each shop. What users have set meanwhile stays.
    connector.update(to: "1.1.0") { call in
        try await call.api.edit(call.integrationID) { integration in
            for index in shops(of: integration).indices {
                let fields = JSON.Path(["sections", String(index), "fields"])
                let known = integration.settings?[path: fields]?.array ?? []
                guard !known.contains(where: { $0["name"] == "bookTax" }) else { continue }
                integration.settings?[path: fields] = JSON(
                    known + [["name": "bookTax", "type": "checkbox", "label": "Book taxes", "value": false]])
            }
        }
    }
    // The ledger now takes refunds, which the shop has to allow: the step is reopened, with another link. The update goes on
    // when the user has done it.
    connector.update(to: "2.0.0") { call in
        if try await world.allows("read_refunds") { return }
        try await call.api.edit(call.integrationID) { integration in
            let steps = integration.steps
            guard let index = steps.firstIndex(where: { $0.name == "Shop permission" }) else { return }
            var json = steps[index].json
            json["installURL"] = "https://shop.example/authorize?app=ledger&scope=read_refunds"
            json["completed"] = false
            integration["install"] = JSON(steps.enumerated().map { $0.offset == index ? json : $0.element.json })
            integration.mode = .install
        }
    }
}
