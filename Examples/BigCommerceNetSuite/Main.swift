import SmartConnectorCLI

@main
struct Main {
    static func main() async {
        let world = OutsideWorld.ofThisProcess
        await ConnectorCommand(
            "bigcommerce-netsuite", connector: bigCommerceNetSuite(world), extras: commands(world)
        ).main()
    }

    /// What a user does in the two systems, and what they show.
    static func commands(_ world: OutsideWorld) -> [ConnectorCommand.Extra] {
        [
            ConnectorCommand.Extra(
                "configure", arguments: "netsuite|bigcommerce", help: "enter the credentials of a connection"
            ) { arguments in
                guard arguments.count == 1, let system = OutsideWorld.System(rawValue: arguments[0]) else {
                    return "usage: bigcommerce-netsuite configure netsuite|bigcommerce"
                }
                try await world.configure(system)
                return "\(system.title) is configured"
            },
            ConnectorCommand.Extra("world", help: "show what exists in the two systems") { _ in
                try await world.summary()
            },
        ]
    }
}
