import SmartConnectorCLI

@main
struct Main {
    static func main() async {
        let world = ShopWorld.ofThisProcess
        await ConnectorCommand(
            "shop-ledger", connector: shopLedger(world), record: shopLedgerRecord,
            commands: [Allow(world), ShowWorld(world: world)]
        ).main()
    }
}
