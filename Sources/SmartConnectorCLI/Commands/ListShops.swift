import SmartConnector

struct ListShops: Command {
    static let name = "shop list"
    static let summary = "list the shops that a connector of several is installed for"
    static let examples = [["$ID"]]

    @Argument("ID", "the integration's _id", as: .text) var id: String

    func run(_ session: Session) async throws -> ExitCode {
        let shops = try await session.place.store().get(id).integration.shops
        if session.output.isJSON {
            for shop in shops {
                session.output.print(json: [
                    "format": JSON(Output.format), "shop": JSON(shop.id), "title": .optional(shop.title),
                ])
            }
        } else if shops.isEmpty {
            session.output.print(line: "no shops: its settings say of none")
        } else {
            session.output.print(shops.map { Row([$0.id, $0.title ?? ""]) })
        }
        return .done
    }
}
