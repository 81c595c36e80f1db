import SmartConnectorCLI

await ConnectorCommand("smartconnector").main()
