// Who opens a store can use all that it does: one import.
@_exported public import SmartConnectorSQL
