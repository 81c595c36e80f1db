import SmartConnector

struct InstallAddOn: Command {
    static let name = "addon install"
    static let summary = "install an add-on that the licence has: installAddOn"
    static let sharedOptions: SharedOptions = [.place, .functions, .person, .patience, .output]
    static let examples = [["$ID", "refunds"], ["$ID", "refunds", "--shop", "72"]]

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Argument("ADDON", "the add-on's id: addOnId", as: .text) var addOn: String
    @Option("--shop", "SHOP", "the shop that it is for: storeId", as: .text) var shop: String?

    func run(_ session: Session) async throws -> ExitCode {
        let step: JSON = ["name": JSON("Add-on \(addOn)"), "installerFunction": "installAddOn"]
        return try await session.driveAddOn(addOn, of: id, shop: shop, step, .install)
    }
}

struct RemoveAddOn: Command {
    static let name = "addon remove"
    static let summary = "remove an add-on: uninstallAddOn"
    static let sharedOptions: SharedOptions = [.place, .functions, .person, .patience, .consent, .output]
    static let examples = [["$ID", "refunds"], ["$ID", "refunds", "--shop", "72", "--yes"]]

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Argument("ADDON", "the add-on's id: addOnId", as: .text) var addOn: String
    @Option("--shop", "SHOP", "the shop that it is removed from: storeId", as: .text) var shop: String?

    func run(_ session: Session) async throws -> ExitCode {
        try await session.confirm(id) { title in "The add-on \(addOn) of \(title) is removed." }
        let step: JSON = ["name": JSON("Add-on \(addOn)"), "uninstallerFunction": "uninstallAddOn"]
        return try await session.driveAddOn(addOn, of: id, shop: shop, step, .uninstall)
    }
}

extension Session {
    /// Source of the functions' names: the pages of integrator.io.
    fileprivate func driveAddOn(
        _ addOn: String, of id: String, shop: String?, _ step: JSON, _ mode: Mode
    ) async throws -> ExitCode {
        _ = try await installed(id)
        let isInstall = mode == .install
        let again = [
            "\(program) addon \(isInstall ? "install" : "remove") \(id) \(addOn)", shop.map { "--shop \($0)" },
        ]
        let status = try await drive(
            try PartSteps(of: id, [step], mode), of: id, try partOptions(shop: shop, addOn: addOn),
            again: again.compactMap(\.self).joined(separator: " "))
        if status == .done, !output.isJSON { output.note("add-on \(addOn) is \(isInstall ? "installed" : "removed")") }
        return status
    }
}
