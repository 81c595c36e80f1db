import Foundation
import Limits
import Loopback
import SmartConnector
import SmartConnectorServer
import SmartConnectorTesting
import Testing

/// What integrator.io is answered when it calls a stack, over a real socket.
@Suite(.serialized, .ends(within: .minutes(3)))
struct StackWireTests {
    static let api = InMemoryIntegrationAPI()

    private static func endpoint(diy: Bool = false) -> StackEndpoint {
        var connector = Connector(id: "c1")
        connector.installer("verify") { call in
            .completed(stepsToUpdate: [["name": JSON(call.options.storeID ?? "none"), "completed": true]])
        }
        connector.installer("which") { call in
            .notYet(
                "\(try await call.step()?.connectionID ?? "none") of \(try await call.integration().name ?? "none")")
        }
        connector.uninstaller("which") { call in .notYet(try await call.step()?.connectionID ?? "none") }
        connector.update(to: "1.2.0") { call in if try await call.step() != nil { throw Broken() } }
        connector.installer("later") { _ in .notYet("the bundle is missing") }
        connector.installer("refuse") { _ in throw FunctionFailure(code: "invalid_credentials", message: "no such user")
        }
        connector.installer("break") { _ in throw Broken() }
        connector.uninstaller("verify") { _ in .completed }
        connector.preUninstall { _ in .uninstallers(["b", "a"]) }
        connector.update(to: "1.1.0") { _ in }
        connector.persistSettings { call in .saved(["got": call.pending ?? .null]) }
        connector.hook("echo") { call in call.options.others }
        connector.untyped("flat") { call in call.options.others }
        connector.hook("token") { call in JSON(call.options.bearerToken?.value ?? "none") }
        connector.hook("key") { call in JSON(call.idempotencyKey) }
        connector.hook("large") { _ in JSON(String(repeating: "x", count: 200)) }
        connector.hook("huge") { _ in JSON(String(repeating: "x", count: StackEndpoint.defaultMaximumResponseSize)) }
        connector.hook("notJSON") { _ in try JSON(encoding: ["number": Double.nan]) }
        var own = Connector(id: "diy")
        own.hook("mine") { _ in "own" }
        return StackEndpoint(connectors: [connector], diy: diy ? own : nil, systemToken: Secret("T")) { _ in api }
    }

    private struct Broken: Error {}

    private func call(_ request: JSON, diy: Bool = false) async throws -> HTTPResponse {
        try await serving(Self.endpoint(diy: diy)) { try await $0.send("POST", "/function", token: "T", json: request) }
    }

    private static func request(_ function: String, type: String? = "hook", options: JSON = [:]) -> JSON {
        var request: JSON = ["function": JSON(function), "_connectorId": "c1", "options": options]
        if let type { request["type"] = JSON(type) }
        return request
    }

    @Test func aFunctionIsGivenItsStepAndTheDocumentThoughThePlatformSendsNeither() async throws {
        func step(_ connection: String, isCompleted: Bool) -> JSON {
            [
                "name": JSON(connection), "_connectionId": JSON(connection), "completed": JSON(isCompleted),
                "installerFunction": "which", "uninstallerFunction": "which",
            ]
        }
        let id = try #require(
            try await Self.api.create(
                Integration([
                    "name": "Shop", "_connectorId": "c1", "mode": "install",
                    "install": [
                        step("c1", isCompleted: true), step("c2", isCompleted: true), step("c3", isCompleted: false),
                    ],
                ])
            ).integration.id)
        func message(_ function: String, _ type: String) async throws -> String? {
            try await call(Self.request(function, type: type, options: ["_integrationId": JSON(id)])).json["message"]?
                .string
        }
        #expect(try await message("which", "installer") == "c3 of Shop")
        #expect(try await message("which", "uninstaller") == "c2")
        let update = try await call(
            Self.request(
                "connectorUpdateFunction", type: "installer",
                options: ["_integrationId": JSON(id), "version": "1.2.0"]))
        #expect(update.status == 200)
    }

    @Test func aVersionThatCannotBeReadIsNotTakenForTheNewest() async throws {
        for version: JSON in ["x", 2, ""] {
            let answer = try await call(
                Self.request("connectorUpdateFunction", type: "installer", options: ["version": version]))
            #expect(answer.status == 422)
            #expect(answer.errors.first?.contains("options.version is \(version.text())") == true)
        }
        let answer = try await call(
            Self.request("connectorUpdateFunction", type: "installer", options: ["version": "v1.1"]))
        #expect(answer.status == 200)
    }

    @Test func functionsOfTheConnectorAreFoundByTheirAuthorsNames() async throws {
        var connector = Connector(id: "c1")
        connector.connectorInstaller { _ in }
        connector.update(to: "1.1.0") { _ in }
        connector.preUninstall { _ in .uninstallers(["b", "a"]) }
        connector.connectorUninstaller { _ in }
        connector.installer("updateConnector") { _ in .completed }
        let endpoint = StackEndpoint(
            connectors: [connector], records: ["c1": ConnectorRecord(update: "migrate", preUninstall: "before")],
            systemToken: Secret("T")
        ) { _ in InMemoryIntegrationAPI() }
        func status(_ type: String, _ name: String) async -> Int {
            await endpoint.answer(Self.request(name, type: type, options: ["version": "1.1.0"])).status
        }
        for (type, names) in [
            ("installer", ["connectorInstallerFunction", "installConnector", "migrate", "updateFunction"]),
            ("uninstaller", ["before", "preUninstallFunction", "connectorUninstallerFunction", "uninstallConnector"]),
        ] {
            for name in names { #expect(await status(type, name) == 200, "\(type) \(name)") }
        }
        #expect(await status("uninstaller", "migrate") == 422)
        #expect(await status("installer", "before") == 422)
        let own = await endpoint.answer(Self.request("updateConnector", type: "installer"))
        #expect(own.body == Array(#"{"success":true}"#.utf8))
    }

    // MARK: Every error

    static let neither =
        "missing_required_field: Need to set either the diy or _connectorId field in extension options."
    static let unknownConnector =
        "invalid_field: The _connectorId set in the extension options doesn't match any of the _connectorId's present in extension configuration."
    static let noFunction = "missing_required_field: Missing required field function in the extension options."
    static let functionIsNoString = "invalid_field: The function field in the extension options must be of type string."
    static let noOptions = "missing_required_field: Function options haven't been provided."
    static let noSuchFunction =
        "invalid_function: The function passed in the extension options doesn't map to a function."

    static let errors: [(String, [String])] = [
        (#"{"function":"verify","options":{}}"#, [neither]),
        (
            #"{"diy":true,"function":"verify","options":{}}"#,
            ["missing_required_field: DIY is not configured in the extension configuration."]
        ),
        (#"{"_connectorId":"c2","function":"verify","options":{}}"#, [unknownConnector]),
        (#"{"_connectorId":7,"function":"verify","options":{}}"#, [unknownConnector]),
        (#"{"_connectorId":"c1","options":{}}"#, [noFunction]),
        (#"{"_connectorId":"c1","function":["installer","verify"],"options":{}}"#, [functionIsNoString]),
        (#"{"_connectorId":"c1","function":"verify"}"#, [noOptions]),
        (#"{}"#, [neither, noFunction, noOptions]),
        (#"{"_connectorId":"c2","function":1}"#, [unknownConnector, functionIsNoString, noOptions]),
        (#"[]"#, [neither, noFunction, noOptions]),
        (
            #"{"_connectorId":"c1","type":"wrapper","function":"verify","options":{}}"#,
            ["object_not_found: The object wrapper doesn't exist in the module."]
        ),
        (
            #"{"_connectorId":"c1","type":"nonsense","function":"verify","options":{}}"#,
            ["object_not_found: The object nonsense doesn't exist in the module."]
        ),
        (#"{"_connectorId":"c1","type":"installer","function":"nope","options":{}}"#, [noSuchFunction]),
        (#"{"_connectorId":"c1","function":"nope","options":{}}"#, [noSuchFunction]),
        (
            #"{"_connectorId":"c1","type":"installer","function":"refuse","options":{}}"#,
            ["invalid_credentials: no such user"]
        ),
        (
            #"{"_connectorId":"c1","type":"installer","function":"break","options":{}}"#,
            ["Broken: an error of type Broken, whose text may hold secrets and is not shown"]
        ),
        (
            #"{"_connectorId":"c1","type":"hook","function":"large","options":{},"maxResponseSize":201}"#,
            ["response_size_exceeded: response stream exceeded limit of 201 bytes."]
        ),
        (
            #"{"_connectorId":"c1","type":"hook","function":"huge","options":{}}"#,
            ["response_size_exceeded: response stream exceeded limit of 5242880 bytes."]
        ),
        (
            #"{"_connectorId":"c1","type":"hook","function":"notJSON","options":{}}"#,
            ["invalid_extension_response: Extension response is not serializable."]
        ),
    ]

    @Test(arguments: errors)
    func everythingThatIsWrongIsSaidInOneAnswer(_ request: String, _ errors: [String]) async throws {
        let answer = try await call(try JSON(parsing: request))
        #expect(answer.status == 422)
        #expect(answer.errors == errors)
        #expect(answer.header("Content-Type")?.hasPrefix("application/json") == true)
    }

    @Test func aBodyThatIsNotJSONIsA400() async throws {
        let answer = try await serving(Self.endpoint()) {
            try await $0.send("POST", "/function", token: "T", Array(#"{"function":"#.utf8))
        }
        #expect(answer.status == 400)
        #expect(answer.errors.first?.hasPrefix("malformed_json: the request body is not JSON, line 1") == true)
    }

    // MARK: The system token

    static let tokens: [(String, [String: String], String, Int)] = [
        ("/function", [:], "", 401),
        ("/function", ["Authorization": "Bearer wrong"], "", 401),
        ("/function", ["Authorization": "Basic T"], "", 401),
        ("/function", ["Authorization": "bEaReR T"], "", 200),
        ("/function", ["Authorization": "Bearer T T"], "", 401),
        ("/function", ["Authorization": "Bearer  T"], "", 401),
        ("/function", ["Authorization": "Bearer\tT"], "", 401),
        ("/function", ["Authorization": "BearerT"], "", 401),
        ("/function", [:], #","access_token":"T""#, 200),
        ("/function", [:], #","access_token":"wrong""#, 401),
        ("/function?access_token=T", [:], "", 200),
        ("/function?access_token=wrong", [:], "", 401),
        // Only without a header do the others count.
        ("/function?access_token=T", ["Authorization": "Bearer wrong"], #","access_token":"T""#, 401),
    ]

    @Test(arguments: tokens)
    func theSystemTokenIsAskedFor(
        _ path: String, _ headers: [String: String], _ member: String, _ status: Int
    ) async throws {
        let body = #"{"_connectorId":"c1","type":"installer","function":"verify","options":{}\#(member)}"#
        let answer = try await serving(Self.endpoint()) {
            try await $0.send("POST", path, headers: headers, Array(body.utf8))
        }
        #expect(answer.status == status)
        if status == 401 {
            #expect(answer.errors == ["unauthorized: Invalid system token."])
            #expect(answer.header("WWW-Authenticate") == "invalid system token")
        }
    }

    @Test(arguments: [["Authorization": "Basic x"], ["Authorization": "Bearer "], [:]])
    func withoutASystemTokenNobodyIsLetIn(_ headers: [String: String]) async throws {
        let endpoint = StackEndpoint(connectors: [Connector(id: "c1")], systemToken: Secret("")) { _ in Self.api }
        try await serving(endpoint) { server in
            for path in ["/function", "/function?access_token="] {
                let answer = try await server.send("POST", path, headers: headers, json: ["access_token": ""])
                #expect(answer.status == 401)
            }
            let functions = try await server.send("GET", "/functions?_connectorId=c1&access_token=", headers: headers)
            #expect(functions.status == 401)
        }
    }

    // MARK: What functions get and give

    @Test func anInstallerAnswersWithStepsToUpdate() async throws {
        let answer = try await call(Self.request("verify", type: "installer", options: ["storeId": "s1"]))
        #expect(answer.status == 200)
        #expect(
            String(decoding: answer.body, as: UTF8.self)
                == #"{"success":true,"stepsToUpdate":[{"name":"s1","completed":true}]}"#)
    }

    @Test func aStepThatIsNotDoneIsNoError() async throws {
        let answer = try await call(Self.request("later", type: "installer"))
        #expect(answer.status == 200)
        #expect(answer.json == ["success": false, "message": "the bundle is missing"])
    }

    @Test func withoutATypeWhatIsInNoGroupIsCalled() async throws {
        #expect(try await call(Self.request("flat", type: nil, options: ["data": [1]])).json == ["data": [1]])
        #expect(try await call(Self.request("echo", type: nil)).errors == [Self.noSuchFunction])
    }

    @Test func connectorLevelFunctionsHaveThePlatformsNames() async throws {
        let answer = try await call(Self.request("preUninstallFunction", type: "uninstaller"))
        #expect(answer.json == [["uninstallerFunction": "b"], ["uninstallerFunction": "a"]])
    }

    @Test func persistSettingsGetsPending() async throws {
        let answer = try await call(Self.request("persistSettings", type: "setting", options: ["pending": ["a": 1]]))
        #expect(answer.json == ["success": true, "pending": ["got": ["a": 1]]])
    }

    @Test func theTokenIsGivenToTheFunctionAndIsNotAmongTheOtherOptions() async throws {
        let options: JSON = ["bearerToken": "secret", "data": 1, "opts": [:]]
        #expect(try await call(Self.request("token", options: options)).json == "secret")
        #expect(try await call(Self.request("echo", options: options)).json == ["data": 1])
    }

    @Test func theIdempotencyKeyComesInTheOptionsOrInTheHeader() async throws {
        try await serving(Self.endpoint()) { server in
            let header = ["Idempotency-Key": "from header"]
            let one = try await server.send("POST", "/function", token: "T", headers: header, json: Self.request("key"))
            #expect(one.json == "from header")
            let two = try await server.send(
                "POST", "/function", token: "T", headers: header,
                json: Self.request("key", options: ["idempotencyKey": "from options"]))
            #expect(two.json == "from options")
        }
    }

    @Test func functionsOfUsersOwnIntegrationsAreCalledWithDIY() async throws {
        let answer = try await call(["diy": true, "type": "hook", "function": "mine", "options": [:]], diy: true)
        #expect(answer.json == "own")
    }

    @Test func whatIsNoStringWhereOneIsExpectedIsHandedOnAsItIs() async throws {
        let options: JSON = ["bearerToken": 7, "storeId": 5, "addOnId": .null, "opts": ["a": 1], "data": 2]
        #expect(
            try await call(Self.request("echo", options: options)).json
                == ["bearerToken": 7, "storeId": 5, "addOnId": .null, "data": 2])
    }

    @Test func howManyConnectionsAreOpenIsAnswered() async throws {
        try await serving(Self.endpoint()) { server in
            let other = try RawConnection(port: server.port)
            other.write("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = await other.read(until: "true")
            // What else is open is of this process's own client.
            let answer = try await server.send("GET", "/openConnections")
            #expect(answer.status == 200)
            #expect((answer.json.int ?? 0) >= 1)
            withExtendedLifetime(other) {}
        }
    }

    @Test(arguments: ["/", "/healthCheck", "/livez", "/readyz"])
    func healthIsAnswered(_ path: String) async throws {
        let answer = try await serving(Self.endpoint()) { try await $0.send("GET", path) }
        #expect(answer.status == 200)
        #expect(answer.json == ["success": true])
    }

    @Test func otherPathsAndMethodsAreRefused() async throws {
        try await serving(Self.endpoint()) { server in
            #expect(try await server.send("GET", "/nope").status == 404)
            let answer = try await server.send("GET", "/function")
            #expect(answer.status == 405)
            #expect(answer.header("Allow") == "POST")
        }
    }
}
