import Foundation
import Processes
package import SmartConnector
import SmartConnectorHTTP
import SmartConnectorWire

/// A real browser: Chromium, driven as W3C WebDriver says, by way of chromedriver.
///
/// Source: https://www.w3.org/TR/webdriver2/
package struct Browser: Sendable {
    /// What the driver, or this, says of what did not go as it should.
    package struct Fault: Error, CustomStringConvertible {
        let code: String
        package let description: String
    }

    /// chromedriver, which starts a browser for each session.
    package final class Driver: Sendable {
        private let process = ChildProcess()
        fileprivate let url: String

        /// Starts one at a port that the system chooses.
        ///
        /// - Throws: ``Fault`` where it is not installed, or ends.
        package init() async throws {
            let output = Pipe()
            // A home of its own, since a browser writes there.
            guard
                process.start(
                    ["chromedriver", "--port=0"], environment: ["HOME": NSTemporaryDirectory()], output: .pipe(output))
            else {
                throw Fault(
                    code: "missing",
                    description:
                        "there is no chromedriver: install Debian's packages chromium and chromium-driver, as .ci/setup --tests does"
                )
            }
            let transcript = Transcript(output)
            guard await transcript.wait(for: "started successfully on port "), await transcript.wait(for: ".\n") else {
                throw Fault(code: "missing", description: "chromedriver ended: \(transcript.text)")
            }
            let text = transcript.text.components(separatedBy: "started successfully on port ").last ?? ""
            url = "http://127.0.0.1:" + text.prefix { $0.isNumber }
        }

        /// Opens a browser of its own, with nothing in it.
        package func browser() async throws -> Browser {
            let answer = try await Browser.send(
                "POST", url + "/session",
                [
                    "capabilities": [
                        "alwaysMatch": [
                            "goog:chromeOptions": [
                                "args": [
                                    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                                    // Nothing of its own, which takes time and asks others.
                                    "--disable-extensions", "--disable-background-networking",
                                    "--disable-component-update", "--disable-sync", "--no-first-run",
                                    "--window-size=1280,900",
                                ]
                            ],
                            "goog:loggingPrefs": ["browser": "ALL"],
                        ]
                    ]
                ])
            return Browser(session: "\(url)/session/\(answer["sessionId"]?.string ?? "")")
        }

        /// Ends it.
        package func end() { process.kill(SIGTERM) }

        deinit { process.kill(SIGTERM) }
    }

    private let session: String

    /// Has `body` use browsers, and ends all of them.
    package static func withDriver<R>(_ body: (Driver) async throws -> R) async throws -> R {
        let driver = try await Driver()
        defer { driver.end() }
        return try await body(driver)
    }

    /// Has `body` use a browser, and closes it.
    package static func with<R>(_ driver: Driver, _ body: (Browser) async throws -> R) async throws -> R {
        let browser = try await driver.browser()
        do {
            let result = try await body(browser)
            try await browser.close()
            return result
        } catch {
            // What the test found is what there is to say.
            try? await browser.close()
            throw error
        }
    }

    private static func send(_ method: String, _ url: String, _ body: JSON?) async throws -> JSON {
        guard let address = URL(string: url) else { throw Fault(code: "address", description: "\(url) is none") }
        let answer = try await HTTPTransport(timeout: nil).send(
            method, address, headers: [HTTPRequest.Field("Content-Type", "application/json")], body: body?.utf8() ?? [])
        let value = try JSON(parsing: answer.body)["value"] ?? .null
        guard answer.status < 300 else {
            throw Fault(
                code: value["error"]?.string ?? "unknown", description: value["message"]?.string ?? "\(answer.status)")
        }
        return value
    }

    private func command(_ method: String, _ path: String, _ body: JSON? = nil) async throws -> JSON {
        try await Self.send(method, session + path, body ?? (method == "POST" ? [:] : nil))
    }

    // MARK: What a person does

    package func open(_ url: String) async throws { _ = try await command("POST", "/url", ["url": JSON(url)]) }

    package func reload() async throws { _ = try await command("POST", "/refresh") }

    package func close() async throws { _ = try await command("DELETE", "") }

    /// Clicks what a selector of CSS finds, once it is there and can be clicked.
    package func click(_ selector: String) async throws {
        try await onElement(selector) { element in
            _ = try await command("POST", "/element/\(element)/click")
        }
    }

    /// Types into a field, in place of what is there.
    package func type(_ text: String, into selector: String) async throws {
        try await onElement(selector) { element in
            _ = try await command("POST", "/element/\(element)/clear")
            _ = try await command("POST", "/element/\(element)/value", ["text": JSON(text)])
        }
    }

    /// Presses keys, one after the other, wherever the focus is.
    package func press(_ keys: String...) async throws {
        let actions = keys.flatMap { key -> [JSON] in
            [["type": "keyDown", "value": JSON(key)], ["type": "keyUp", "value": JSON(key)]]
        }
        _ = try await command(
            "POST", "/actions", ["actions": [["type": "key", "id": "keyboard", "actions": JSON(actions)]]])
    }

    package enum Key {
        package static let tab = "\u{E004}", enter = "\u{E007}", space = " "
    }

    private func onElement(_ selector: String, _ body: (String) async throws -> Void) async throws {
        // The page may draw anew between finding and doing.
        let passing = [
            "stale element reference", "element click intercepted", "element not interactable", "no such element",
        ]
        for attempt in 1... {
            try await wait(for: "document.querySelector(\(Self.quoted(selector)))", selector)
            do {
                let found = try await command("POST", "/element", ["using": "css selector", "value": JSON(selector)])
                guard let element = found.members?.first?.value.string else {
                    throw Fault(code: "no such element", description: selector)
                }
                return try await body(element)
            } catch let fault as Fault where passing.contains(fault.code) && attempt < 100 {
                continue
            }
        }
    }

    private static func quoted(_ text: String) -> String { JSON(text).text() }

    // MARK: What a person sees

    /// What a script returns.
    package func run(_ script: String, _ arguments: JSON...) async throws -> JSON {
        try await command("POST", "/execute/sync", ["script": JSON(script), "args": JSON(arguments)])
    }

    /// What is written at a place.
    package func text(_ selector: String = "body") async throws -> String {
        try await run("return document.querySelector(arguments[0])?.innerText ?? ''", JSON(selector)).string ?? ""
    }

    /// Waits until an expression of JavaScript is true in the page, also across pages.
    ///
    /// - Throws: ``Fault`` with what is seen, where it is not within half a minute.
    package func wait(for expression: String, _ what: String? = nil) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        let script = """
            const done = arguments[0], end = Date.now() + 2000;
            const look = () => { if (\(expression)) done(true); else if (Date.now() > end) done(false); else setTimeout(look, 10); };
            look();
            """
        while ContinuousClock.now < deadline {
            do {
                if try await command("POST", "/execute/async", ["script": JSON(script), "args": []]) == true { return }
            } catch let fault as Fault where fault.code == "javascript error" || fault.code == "unexpected alert open" {
                // Another page has come meanwhile, or there is no such thing yet.
                if fault.code == "unexpected alert open" { throw fault }
            }
            try Task.checkCancellation()
        }
        throw Fault(code: "timeout", description: "not seen: \(what ?? expression); seen: \(try await text())")
    }

    /// Waits until a text is seen at a place.
    package func see(_ text: String, in selector: String = "main") async throws {
        try await wait(
            for: "document.querySelector(\(Self.quoted(selector)))?.innerText.includes(\(Self.quoted(text)))",
            "“\(text)” in \(selector)")
    }

    /// Has the page believe in a screen of this size, in light or dark.
    package func show(width: Int, height: Int, isDark: Bool) async throws {
        _ = try await protocolCommand(
            "Emulation.setDeviceMetricsOverride",
            ["width": JSON(width), "height": JSON(height), "deviceScaleFactor": 1, "mobile": JSON(width < 600)])
        _ = try await protocolCommand(
            "Emulation.setEmulatedMedia",
            ["features": [["name": "prefers-color-scheme", "value": isDark ? "dark" : "light"]]])
    }

    /// A command of Chromium's own protocol.
    package func protocolCommand(_ name: String, _ parameters: JSON = [:]) async throws -> JSON {
        try await command("POST", "/goog/cdp/execute", ["cmd": JSON(name), "params": parameters])
    }

    /// What stands in the console since it was asked last, from warnings on.
    package func complaints() async throws -> [String] {
        let entries = try await command("POST", "/se/log", ["type": "browser"]).array ?? []
        return entries.filter { $0["level"] == "SEVERE" || $0["level"] == "WARNING" }.compactMap {
            $0["message"]?.string
        }
    }

    /// What a screen reader is told of all that can be operated and has no name, by what kind it is.
    package func namelessControls() async throws -> [String] {
        let roles = [
            "button", "link", "textbox", "searchbox", "checkbox", "combobox", "listbox", "progressbar", "img",
            "navigation",
        ]
        let nodes = try await protocolCommand("Accessibility.getFullAXTree")["nodes"]?.array ?? []
        return nodes.compactMap { node in
            guard node["ignored"]?.bool != true, let role = node["role"]?["value"]?.string, roles.contains(role),
                (node["name"]?["value"]?.string ?? "").isEmpty
            else { return nil }
            return role
        }
    }
}
