public import SmartConnector

/// What every `IntegrationStateAPI` that also holds the integrations promises.
public enum IntegrationStateConformance {
    /// The promises. Each is to be checked with an API of its own that is empty.
    public static let promises: [Promise<any IntegrationAPI & IntegrationStateAPI>] = [
        Promise("there is no state at first") { api in
            let id = try await make(api)
            let value = try await api.state("cursor", of: id)
            try expect(value, is: nil, "the state")
        },
        Promise("what is put under a key is read back as it was written, null too") { api in
            let id = try await make(api)
            for value: JSON in [["n": JSON(JSON.Number("1.0") ?? JSON.Number(1)), "ü/ \\": [true]], "text", 7, .null] {
                try await api.setState("a key/with ü?", of: id, to: value)
                let read = try await api.state("a key/with ü?", of: id)
                try expect(read, is: value, "the state")
            }
        },
        Promise("the keys under which there are values are known, or none are") { api in
            let id = try await make(api)
            for key in ["b", "a/ ü", "c"] { try await api.setState(key, of: id, to: 1) }
            try await api.removeState("c", of: id)
            let keys = try await api.stateKeys(of: id)
            if let keys { try expect(keys.sorted(), is: ["a/ ü", "b"], "the keys") }
        },
        Promise("keys that only look alike are two") { api in
            let id = try await make(api)
            try await api.setState("\u{E9}", of: id, to: 1)
            try await api.setState("e\u{301}", of: id, to: 2)
            let values = [try await api.state("\u{E9}", of: id), try await api.state("e\u{301}", of: id)]
            try expect(values, is: [1, 2], "the states")
        },
        Promise("a value as deep as may be is read back, one that is deeper is refused and changes nothing") { api in
            let id = try await make(api)
            let deepest: JSON = (1..<JSON.maximumStateDepth).reduce([]) { inner, _ in [inner] }
            try await api.setState("a", of: id, to: deepest)
            let code: APIError.Code?
            do {
                try await api.setState("a", of: id, to: [deepest])
                code = nil
            } catch let error as APIError {
                code = error.code
            }
            try expect(code, is: .tooDeep, "the code")
            let read = try await api.state("a", of: id)
            try expect(read, is: deepest, "the state")
        },
        Promise("keys and integrations do not meet") { api in
            let (one, two) = (try await make(api), try await make(api))
            try await api.setState("a", of: one, to: 1)
            try await api.setState("b", of: one, to: 2)
            try await api.setState("a", of: two, to: 3)
            let values = [
                try await api.state("a", of: one), try await api.state("b", of: one), try await api.state("a", of: two),
                try await api.state("b", of: two),
            ]
            try expect(values, is: [1, 2, 3, nil], "the states")
        },
        Promise("what is removed is gone, and removing it again is no error") { api in
            let id = try await make(api)
            try await api.setState("a", of: id, to: 1)
            try await api.removeState("a", of: id)
            try await api.removeState("a", of: id)
            let value = try await api.state("a", of: id)
            try expect(value, is: nil, "the state")
        },
        Promise("what is removed together is gone, and nothing of another integration") { api in
            let (one, two) = (try await make(api), try await make(api))
            for id in [one, two] {
                for key in ["a", "b/ ü"] { try await api.setState(key, of: id, to: 1) }
            }
            guard try await api.stateKeys(of: one) != nil else { return }
            try await api.removeAllState(of: one)
            try await api.removeAllState(of: one)
            let values = [try await api.state("a", of: one), try await api.state("b/ ü", of: one)]
            try expect(values, is: [nil, nil], "the states")
            let other = try await api.state("a", of: two)
            try expect(other, is: 1, "the state of the other")
        },
        Promise("an integration that is deleted leaves no state") { api in
            let id = try await make(api)
            try await api.setState("a", of: id, to: 1)
            try await api.delete(id)
            let code: APIError.Code?
            do {
                try await api.setState("a", of: id, to: 1)
                code = nil
            } catch let error as APIError {
                code = error.code
            }
            try expect(code, is: .notFound, "the code")
        },
    ]

    private static func make(_ api: any IntegrationAPI) async throws -> String {
        try await api.create(try Integration(["name": "A"])).integration.id ?? ""
    }
}
