// Who serves speaks of requests and answers.
@_exported public import SmartConnectorWire
