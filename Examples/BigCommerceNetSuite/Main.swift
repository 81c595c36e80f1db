import SmartConnectorCLI

@main
struct Main {
    static func main() async {
        let world = OutsideWorld.ofThisProcess
        await ConnectorCommand(
            "bigcommerce-netsuite", connector: bigCommerceNetSuite(world),
            commands: [Configure(world), ShowWorld(world: world)]
        ).main()
    }
}
