import SmartConnectorWire

/// What the server offers, as OpenAPI 3.1.
enum OpenAPI {
    static let document: JSON = [
        "openapi": "3.1.0",
        "info": [
            "title": "SmartConnector: local integrator.io and stack", "version": "1.0.0",
            "description":
                "The Integration API of integrator.io, the routes by which its pages drive a connector, and the extension endpoint of a stack.",
        ],
        "security": [["token": []]],
        "paths": JSON(paths.map { (name: $0.0, value: $0.1) }),
        "components": [
            "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
            "schemas": [
                "Errors": [
                    "type": "object", "required": ["errors"],
                    "properties": [
                        "errors": [
                            "type": "array", "minItems": 1,
                            "items": [
                                "type": "object", "required": ["code", "message"],
                                "properties": [
                                    "code": ["type": "string"], "message": ["type": "string"],
                                    "field": ["type": "string"],
                                ],
                            ],
                        ]
                    ],
                ],
                "Integration": [
                    "type": "object",
                    "properties": [
                        "_id": ["description": "Assigned by the server; ignored when it is sent."],
                        "lastModified": ["description": "ISO 8601; assigned by the server."],
                        "name": [:], "_connectorId": [:],
                        "mode": ["description": "install, settings or uninstall; absent in a DIY integration."],
                        "install": ["description": "The steps, in order."],
                        "settings": [:], "version": [:], "updateInProgress": [:],
                    ],
                    "additionalProperties": true,
                ],
                "StepResult": [
                    "description": "What the function answered: success, and stepsToUpdate where it has any."
                ],
            ],
        ],
    ]

    // MARK: Paths

    private static let paths: [(String, JSON)] = [
        (
            "/v1/integrations",
            [
                "get": operation(
                    "List integrations",
                    parameters: [
                        query("after", "Where the page before ended: from its Link header."),
                        query("limit", "How many there are on a page, from 1 to 1000."),
                    ],
                    ["200": list, "204": empty("There are none."), "400": errors]),
                "post": operation(
                    "Create an integration", body: integration, isRequired: true,
                    ["201": integrationAnswer, "400": errors, "422": errors]),
            ]
        ),
        (
            "/v1/tokenInfo",
            ["get": operation("Say whose the token is", ["200": answer("The user.", ["type": "object"])])]
        ),
        (
            "/v1/integrations/{id}",
            [
                "parameters": [path("id")],
                "get": operation(
                    "Read an integration", parameters: [ifMatch, ifNoneMatch],
                    [
                        "200": integrationAnswer, "304": empty("It is as the entity tag says."), "400": errors,
                        "404": errors, "412": errors,
                    ]),
                "put": operation(
                    "Replace an integration: a member that is left out is erased", parameters: [ifMatch],
                    body: integration, isRequired: true,
                    ["200": integrationAnswer, "400": errors, "404": errors, "412": errors, "422": errors]),
                "delete": operation(
                    "Delete an integration", parameters: [ifMatch],
                    ["204": empty("It is gone."), "400": errors, "404": errors, "412": errors]),
            ]
        ),
        (
            "/v1/integrations/{id}/clone",
            [
                "parameters": [path("id")],
                "post": operation(
                    "Copy an integration, not installed yet",
                    body: [
                        "type": "object",
                        "properties": [
                            "name": [:], "sandbox": [:],
                            "connectionMap": ["description": "New connection ids by the old ones."],
                        ],
                    ], ["201": integrationAnswer, "400": errors, "404": errors, "422": errors]),
            ]
        ),
        (
            "/v1/integrations/{id}/install",
            [
                "parameters": [path("id")],
                "post": operation(
                    "Install a connector: the id is the connector's", body: ["type": "object"],
                    ["200": integrationAnswer, "400": errors, "403": errors, "422": errors]),
                "delete": operation(
                    "Call the connector's uninstaller and delete the integration",
                    ["200": anything("It is gone."), "404": errors, "422": errors]),
            ]
        ),
        (
            "/v1/integrations/{id}/installer/{function}",
            [
                "parameters": [path("id"), path("function")],
                "put": operation(
                    "Call the installer of a step", body: ["type": "object"],
                    ["200": stepResult, "400": errors, "404": errors, "412": errors, "422": errors]),
            ]
        ),
        (
            "/v1/integrations/{id}/uninstaller/{function}",
            [
                "parameters": [path("id"), path("function")],
                "put": operation(
                    "Call the uninstaller of a step; preUninstallFunction begins and answers with the steps in order",
                    body: ["type": "object"],
                    ["200": stepResult, "400": errors, "404": errors, "412": errors, "422": errors]),
            ]
        ),
        (
            "/v1/integrations/{id}/settings/{function}",
            [
                "parameters": [path("id"), path("function")],
                "put": operation(
                    "Call a settings function; what persistSettings accepts is saved",
                    body: ["type": "object", "properties": ["pending": ["type": "object"]]],
                    [
                        "200": anything("What the function answered."), "400": errors, "404": errors, "412": errors,
                        "422": errors,
                    ]
                ),
            ]
        ),
        (
            "/v1/integrations/{id}/state",
            [
                "parameters": [path("id")],
                "get": operation(
                    "List the keys under which there are values",
                    ["200": answer("The keys.", ["type": "object", "required": ["keys"]]), "404": errors]),
                "delete": operation(
                    "Remove all values", ["200": empty("There is none any more."), "404": errors]),
            ]
        ),
        (
            "/v1/integrations/{id}/state/{key}",
            [
                "parameters": [path("id"), path("key")],
                "get": operation("Read a value", ["200": anything("The value."), "404": errors]),
                "put": operation(
                    "Put a value; under `license` it is the licence that functions are given as opts", body: [:],
                    isRequired: true,
                    [
                        "200": [
                            "description": "OK, or Created where there was none.",
                            "content": ["text/plain": ["schema": ["type": "string"]]],
                        ], "400": errors, "404": errors,
                    ]),
                "delete": operation("Remove a value", ["200": empty("There is none any more."), "404": errors]),
            ]
        ),
        (
            "/v1/connectors/{id}/install",
            [
                "parameters": [path("id")],
                "post": operation(
                    "Install a connector, as under /integrations", body: ["type": "object"],
                    ["200": integrationAnswer, "400": errors, "403": errors, "422": errors]),
            ]
        ),
        (
            "/v1/connectors/{id}/installBase",
            [
                "parameters": [path("id")],
                "get": operation(
                    "List the integrations of a connector",
                    ["200": answer("A row for each.", ["type": "array", "items": ["type": "object"]])]),
            ]
        ),
        (
            "/v1/stacks",
            [
                "get": operation("List records of stacks", ["200": answer("The records.", ["type": "array"])]),
                "post": operation(
                    "Make a record of a stack", body: ["type": "object"],
                    ["201": answer("The record.", ["type": "object"]), "400": errors, "422": errors]),
            ]
        ),
        (
            "/v1/stacks/{id}",
            [
                "parameters": [path("id")],
                "get": operation(
                    "Read the record of a stack", ["200": answer("The record.", ["type": "object"]), "404": errors]),
                "put": operation(
                    "Replace the record of a stack", body: ["type": "object"],
                    ["200": answer("The record.", ["type": "object"]), "400": errors, "404": errors, "422": errors]),
            ]
        ),
        (
            "/v1/licenses",
            [
                "get": operation(
                    "List licences, and what each is bound to", ["200": answer("Licences.", ["type": "array"])])
            ]
        ),
        (
            "/v1/connectors/{id}/update",
            [
                "parameters": [path("id")],
                "put": operation(
                    "Push the newest version into integrations, or the one that is named",
                    body: [
                        "type": "object", "required": ["_integrationIds"],
                        "properties": [
                            "_integrationIds": ["type": "array", "minItems": 1, "items": ["type": "string"]],
                            "version": ["type": "string"],
                        ],
                    ], isRequired: true,
                    [
                        "200": anything("All are updated."), "400": errors, "404": errors, "409": errors, "412": errors,
                        "422": errors,
                    ]),
            ]
        ),
        (
            "/function",
            [
                "post": operation(
                    "Call a function of a connector, as integrator.io does; the token is the system token",
                    body: [
                        "type": "object", "required": ["function", "options"],
                        "properties": [
                            "type": ["enum": ["hook", "wrapper", "installer", "uninstaller", "setting", "utility"]],
                            "function": ["type": "string"], "_connectorId": ["type": "string"],
                            "diy": ["type": "boolean"], "options": ["type": "object"],
                            "maxResponseSize": ["type": "integer", "minimum": 1],
                        ],
                    ], isRequired: true, ["200": anything("What the function answered."), "400": errors, "422": errors])
            ]
        ),
        (
            "/functions",
            [
                "get": operation(
                    "Which functions a connector has; the token is the system token",
                    parameters: [query("_connectorId", "The connector.")],
                    ["200": anything("The functions."), "422": errors])
            ]
        ),
        ("/healthCheck", ["get": health("Say that the stack is there")]),
        ("/livez", ["get": health("200 while serving, 503 while being stopped")]),
        ("/readyz", ["get": health("200 while serving, 503 while being stopped")]),
        (
            "/openapi.json",
            ["get": ["summary": "This description", "security": [], "responses": ["200": anything("OpenAPI 3.1.")]]]
        ),
    ]

    // MARK: Parts

    private static func operation(
        _ summary: String, parameters: [JSON] = [], body: JSON? = nil, isRequired: Bool = false, _ responses: JSON
    ) -> JSON {
        var all = responses
        all["401"] = errors
        all["429"] = errors
        all["413"] = errors
        var operation: JSON = ["summary": JSON(summary), "responses": all]
        if !parameters.isEmpty { operation["parameters"] = JSON(parameters) }
        if let body {
            operation["requestBody"] = [
                "required": JSON(isRequired), "content": ["application/json": ["schema": body]],
            ]
        }
        return operation
    }

    private static func health(_ summary: String) -> JSON {
        [
            "summary": JSON(summary), "security": [],
            "responses": ["200": anything("It serves."), "503": errors],
        ]
    }

    private static func path(_ name: String) -> JSON {
        ["name": JSON(name), "in": "path", "required": true, "schema": ["type": "string", "minLength": 1]]
    }

    private static func query(_ name: String, _ description: String) -> JSON {
        ["name": JSON(name), "in": "query", "description": JSON(description), "schema": ["type": "string"]]
    }

    private static let ifMatch: JSON = [
        "name": "If-Match", "in": "header", "description": "The ETag of the document that the change is based on.",
        "schema": ["type": "string"],
    ]

    private static let ifNoneMatch: JSON = [
        "name": "If-None-Match", "in": "header", "description": "The ETag of the document that the caller has already.",
        "schema": ["type": "string"],
    ]

    private static func answer(_ description: String, _ schema: JSON, headers: JSON? = nil) -> JSON {
        var answer: JSON = [
            "description": JSON(description), "content": ["application/json": ["schema": schema]],
        ]
        if let headers { answer["headers"] = headers }
        return answer
    }

    private static func anything(_ description: String) -> JSON { answer(description, [:]) }
    private static func empty(_ description: String) -> JSON { ["description": JSON(description)] }

    private static let integration: JSON = ["$ref": "#/components/schemas/Integration"]
    private static let errors = answer("What is wrong.", ["$ref": "#/components/schemas/Errors"])
    private static let stepResult = answer("What the function answered.", ["$ref": "#/components/schemas/StepResult"])
    private static let integrationAnswer = answer(
        "The integration as it is stored.", integration, headers: ["ETag": ["schema": ["type": "string"]]])
    private static let list = answer(
        "A page; Link names the next one.", ["type": "array", "items": integration],
        headers: ["Link": ["schema": ["type": "string"]]])
}
