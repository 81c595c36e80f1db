import Foundation
import Limits
import SmartConnector
import Testing

@Suite(.ends(within: .minutes(3)))
struct JSONCodableTests {
    struct Settings: Codable, Equatable {
        struct Store: Codable, Equatable {
            var id: Int
            var currency: String?
        }

        var name: String
        var isActive: Bool
        var big: UInt64
        var ratio: Double
        var price: Decimal
        var since: Date
        var blob: Data
        var site: URL
        var stores: [Store]
        var byName: [String: Store]
        var rest: JSON
    }

    static let settings = Settings(
        name: "Ä", isActive: true, big: .max, ratio: 0.1, price: Decimal(string: "19.99") ?? 0,
        since: Date(timeIntervalSince1970: 1_500_000_000.25), blob: Data([0, 255]),
        site: URL(fileURLWithPath: "/x"), stores: [.init(id: 1, currency: nil), .init(id: 2, currency: "EUR")],
        byName: ["a": .init(id: 3, currency: nil)], rest: ["z": JSON(JSON.Number("1.0") ?? JSON.Number(1)), "a": .null])

    @Test func aValueOfAnAuthorsOwnTypeComesBackAsItWas() throws {
        let json = try JSON(encoding: Self.settings)
        #expect(try json.decode(Settings.self) == Self.settings)
        #expect(json["big"]?.text() == "18446744073709551615")
        #expect(json["price"]?.text() == "19.99")
        #expect(json["since"] == "2017-07-14T02:40:00.250Z")
        #expect(json["rest"]?.text() == #"{"z":1.0,"a":null}"#)
        #expect(json["stores"] == [["id": 1], ["id": 2, "currency": "EUR"]])
    }

    @Test func membersAreInTheOrderTheyAreEncoded() throws {
        let names = try JSON(encoding: Self.settings).members?.map(\.name)
        #expect(names?.prefix(4) == ["name", "isActive", "big", "ratio"])
    }

    @Test func anErrorNamesTheMemberThatDoesNotFit() throws {
        let json: JSON = ["stores": [["id": 1], ["id": "two"]]]
        struct Part: Decodable { var stores: [Settings.Store] }
        let error = #expect(throws: DecodingError.self) { try json.decode(Part.self) }
        guard case .typeMismatch(_, let context) = error else {
            Issue.record("found \(String(describing: error))")
            return
        }
        #expect(context.codingPath.map(\.stringValue) == ["stores", "1", "id"])
    }

    @Test func aMissingMemberIsNotFound() {
        #expect(throws: DecodingError.self) { try (["currency": "EUR"] as JSON).decode(Settings.Store.self) }
    }

    @Test func aNumberThatDoesNotFitIsRefused() {
        #expect(throws: DecodingError.self) { try JSON(300).decode(UInt8.self) }
        #expect(throws: DecodingError.self) { try (1.5 as JSON).decode(Int.self) }
    }

    @Test func aNumberThatIsNotFiniteCannotBeEncoded() {
        #expect(throws: EncodingError.self) { try JSON(encoding: [Double.nan]) }
    }

    @Test func passesThroughAnotherCoder() throws {
        let json: JSON = ["a": [1, 2.5, true, .null, "x"], "b": [:]]
        let data = try JSONEncoder().encode(json)
        #expect(try JSONDecoder().decode(JSON.self, from: data).isEquivalent(to: json))
    }

    @Test func enumsWithPayloadAndClassesAreCoded() throws {
        enum Rule: Codable, Equatable {
            case never
            case after(days: Int)
        }
        class Base: Codable { var a = 1 }
        final class Derived: Base {
            var b = 2
            override init() { super.init() }
            required init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Key.self)
                b = try container.decode(Int.self, forKey: .b)
                try super.init(from: container.superDecoder())
            }
            override func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Key.self)
                try container.encode(b, forKey: .b)
                try super.encode(to: container.superEncoder())
            }
            enum Key: CodingKey { case b }
        }
        let rules: [Rule] = [.never, .after(days: 3)]
        #expect(try JSON(encoding: rules).decode([Rule].self) == rules)
        let derived = Derived()
        derived.a = 5
        let json = try JSON(encoding: derived)
        #expect(json == ["b": 2, "super": ["a": 5]])
        #expect(try json.decode(Derived.self).a == 5)
    }
}
