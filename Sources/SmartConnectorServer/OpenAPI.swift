import SmartConnector

enum OpenAPI {
    static let document: JSON = [:]
}
