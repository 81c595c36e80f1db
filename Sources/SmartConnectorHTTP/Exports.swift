// Who calls a stack, or is one, speaks of requests and answers.
@_exported public import SmartConnectorWire
