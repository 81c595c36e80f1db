// Who imports this has the engine with it.
@_exported public import SmartConnector
