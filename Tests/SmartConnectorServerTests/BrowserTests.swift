import Browser
import Limits
import SmartConnector
import SmartConnectorWire
import Testing

@testable import SmartConnectorServer

/// The page in a real browser, as a person has it.
@Suite(.serialized, .ends(within: .minutes(3)))
struct BrowserTests {
    /// A page that is served and open, with somebody signed in.
    private func opened(_ body: (Shown, Browser) async throws -> Void) async throws {
        try await Shown.serving { shown in
            try await Browser.withDriver { driver in
                try await Browser.with(driver) { browser in
                    try await browser.open(shown.link)
                    try await browser.see("Integrations")
                    try await body(shown, browser)
                    let complaints = try await browser.complaints()
                    #expect(complaints == [], "\(complaints)")
                }
            }
        }
    }

    private func show(_ id: String, _ tab: String = "", _ shown: Shown, _ browser: Browser) async throws {
        try await browser.open("\(shown.url)/#/i/\(id)\(tab)")
    }

    @Test func anIntegrationIsInstalledToItsEndByClicking() async throws {
        try await opened { shown, browser in
            let id = try await shown.create()
            try await browser.click("#entry-\(id)")
            try await browser.see("0 of 3 steps done")
            try await browser.click("#step-0-go")
            try await browser.see("Done", in: "#step-0")
            try await browser.click("#step-1-go")
            try await browser.see("Done", in: "#step-1")
            // What is done elsewhere is opened, and then verified.
            #expect(
                try await browser.run("return document.getElementById('step-2-link').href")
                    == "https://ledger.invalid/package")
            #expect(try await browser.run("return document.getElementById('step-2-link').rel") == "noopener noreferrer")
            try await browser.click("#step-2-go")
            try await browser.see("Installed", in: ".facts")
            #expect(try await shown.store.get(id).integration.mode == .settings)
            #expect(shown.calls == ["connectShop", "connectLedger", "installPackage"])
        }
    }

    @Test func aStepThatFailsSaysWhyWhereItHappenedAndIsTriedAgain() async throws {
        try await opened { shown, browser in
            let id = try await shown.create()
            shown.fail("connectLedger", "The ledger does not know this <b>user</b>")
            try await show(id, "", shown, browser)
            try await browser.click("#install-all")
            try await browser.see("The ledger does not know this <b>user</b>", in: "#step-1-failure")
            // What is announced comes by another way than what is read.
            try await browser.see("failed", in: "#live")
            try await browser.click("#step-1-go")
            try await browser.see("Done", in: "#step-1")
            #expect(shown.calls == ["connectShop", "connectLedger", "connectLedger"])
            try await browser.click("#tab-history")
            try await browser.see("attempt 2", in: ".timeline")
            try await browser.see("The ledger does not know", in: ".timeline .bad")
        }
    }

    @Test func aFormIsFilledInAndWhatIsMissingIsSaid() async throws {
        try await opened { shown, browser in
            let id = try await shown.create(Shown.documentWithForm)
            try await show(id, "", shown, browser)
            try await browser.click("#step-0-go")
            try await browser.see("Code is missing", in: "#step-0")
            try await browser.wait(for: "document.activeElement.id === 'step-0-code'")
            #expect(shown.calls == [])
            try await browser.type("12", into: "#step-0-code")
            try await browser.click("#step-0-cold")
            try await browser.click("#step-0-country option:nth-child(2)")
            try await browser.click("#step-0-go")
            try await browser.see("A code begins with W-", in: "#step-0-failure")
            // What was typed is still there.
            #expect(try await browser.run("return document.getElementById('step-0-code').value") == "12")
            try await browser.type("W-12", into: "#step-0-code")
            try await browser.click("#step-0-go")
            try await browser.see("Done", in: "#step-0")
            #expect(
                shown.calls == [
                    #"saveWarehouse {"code":"12","cold":true,"country":"FR"}"#,
                    #"saveWarehouse {"code":"W-12","cold":true,"country":"FR"}"#,
                ])
        }
    }

    @Test func settingsAreSavedAndARefusedValueIsMarkedWhereItStands() async throws {
        try await opened { shown, browser in
            let id = try await shown.create(Shown.installed)
            try await show(id, "/settings", shown, browser)
            let interval = "[name='sections.0.fields.1']"
            try await browser.type("3", into: interval)
            try await browser.see("1 change not saved yet", in: "#settings-state")
            try await browser.click("#save")
            try await browser.see("5 or more", in: ".field .error")
            try await browser.wait(for: "document.activeElement.name === 'sections.0.fields.1'")
            #expect(try await browser.run("return document.activeElement.getAttribute('aria-invalid')") == "true")
            try await browser.type("30", into: interval)
            try await browser.click("#save")
            try await browser.see("Saved.", in: "#settings-state")
            #expect(try await browser.run("return document.querySelector(arguments[0]).value", JSON(interval)) == "30")
            #expect(try await !browser.text("main").contains("not in the document"))
            #expect(shown.calls == [#"persistSettings {"interval":3}"#, #"persistSettings {"interval":30}"#])
            // While an update is in progress they are locked.
            try await shown.store.edit(id) { $0.isUpdateInProgress = true }
            try await browser.wait(for: "document.querySelector(\"\(interval)\").matches(':disabled')")
            try await browser.see("locked")
        }
    }

    /// What was read while the function ran arrives after the answer that it has refused the value.
    @Test func theFieldThatIsRefusedHasTheFocusThoughAnOlderReadingComesLate() async throws {
        try await opened { shown, browser in
            let id = try await shown.create(Shown.installed)
            try await show(id, "/settings", shown, browser)
            let interval = "[name='sections.0.fields.1']"
            // What is held back below is read for the act: the screen as such is there before.
            try await browser.wait(for: "document.querySelector(\"\(interval)\")")
            shown.hold(#"persistSettings {"interval":3}"#)
            _ = try await browser.run(
                """
                const real = window.fetch;
                const late = [];
                window.arrived = 0;
                window.letCome = () => { window.fetch = real; for (const come of late) come(); };
                window.fetch = async (path, options) => {
                    const answer = await real(path, options);
                    if (path.endsWith('/act')) { window.isAnswered = true; return answer; }
                    window.arrived += 1;
                    await new Promise((come) => late.push(come));
                    return answer;
                };
                """)
            try await browser.type("3", into: interval)
            try await browser.click("#save")
            try await browser.wait(for: "window.arrived > 0")
            shown.letGo(#"persistSettings {"interval":3}"#)
            try await browser.wait(for: "window.isAnswered")
            _ = try await browser.run("window.letCome()")
            try await browser.see("5 or more", in: ".field .error")
            try await browser.wait(for: "document.activeElement.name === 'sections.0.fields.1'")
        }
    }

    @Test func uninstallingShowsItsPlanFirstAndAsks() async throws {
        try await opened { shown, browser in
            let id = try await shown.create(Shown.installed)
            try await show(id, "/uninstall", shown, browser)
            try await browser.see("Undo Package", in: "#plan li:nth-child(1)")
            try await browser.see("Undo Shop", in: "#plan li:nth-child(3)")
            try await browser.see("Delete the integration", in: "#plan li:nth-child(4)")
            try await browser.click("#uninstall-go")
            #expect(shown.calls == [])
            #expect(try await shown.store.get(id).integration.mode == .settings)
            shown.fail("dropLedger", "The ledger is closed on Sundays")
            try await browser.click("#agree")
            try await browser.click("#uninstall-go")
            try await browser.see("Try again", in: "#uninstall-go")
            try await browser.click("#tab-steps")
            try await browser.see("The ledger is closed on Sundays", in: "#step-1-failure")
            try await browser.click("#tab-uninstall")
            try await browser.click("#uninstall-go")
            try await browser.see("This integration is gone")
            await #expect(throws: APIError.self) { try await shown.store.get(id) }
            #expect(shown.calls == ["dropPackage", "dropLedger", "dropLedger", "dropShop"])
        }
    }

    @Test func anUpdateThatFailsIsGoneOnWithOrGivenUp() async throws {
        try await opened { shown, browser in
            let id = try await shown.create(Shown.installed)
            shown.fail("update", times: 2, "The ledger is being maintained")
            try await show(id, "", shown, browser)
            try await browser.click("#update")
            try await browser.see("The update failed")
            try await browser.see("The ledger is being maintained")
            try await browser.see("Updating", in: ".facts")
            try await browser.click("#update-abort")
            try await browser.see("Installed", in: ".facts")
            #expect(try await shown.store.get(id).integration.isUpdateInProgress == false)
            try await browser.click("#update")
            try await browser.see("The update failed")
            try await browser.click("#update-on")
            try await browser.see("Version 1.1.0", in: ".facts")
            #expect(shown.calls == ["update", "update", "update"])
        }
    }

    /// A process elsewhere made a call, and nobody will ever hear of it again.
    @Test func aCallInDoubtIsSaidAndAPersonSaysWhatBecameOfIt() async throws {
        try await opened { shown, browser in
            let id = try await shown.create()
            shown.hold("connectShop")
            let flow = try shown.elsewhere(id)
            let task = Task { try await flow.run(until: "0").finish() }
            try await until { shown.calls == ["connectShop"] }
            try await show(id, "", shown, browser)
            try await browser.see("Somebody else is at it")
            try await browser.see("Running", in: "#step-0")
            try await browser.click("#unlock")
            try await browser.see("In doubt: “Shop”")
            try await browser.click("#tab-history")
            try await browser.see("Never returned", in: ".timeline")
            try await browser.click("#tab-steps")
            try await browser.click("#doubt-done")
            try await browser.see("Say how you know")
            try await browser.wait(for: "document.activeElement.id === 'doubt-reason'")
            try await browser.type("It is in the shop", into: "#doubt-reason")
            try await browser.click("#doubt-done")
            try await browser.see("Done", in: "#step-0")
            try await browser.click("#tab-history")
            try await browser.see("“It is in the shop”", in: ".timeline")
            shown.letGo("connectShop")
            _ = await task.result
            #expect(shown.calls == ["connectShop"])
        }
    }

    @Test func twoWindowsSeeEachOtherAndWhatACommandDoesElsewhere() async throws {
        try await Shown.serving { shown in
            try await Browser.withDriver { driver in
                try await Browser.with(driver) { one in
                    try await Browser.with(driver) { other in
                        let id = try await shown.create()
                        for browser in [one, other] {
                            try await browser.open(shown.link)
                            try await browser.see("Shop to Ledger")
                            try await show(id, "", shown, browser)
                            try await browser.see("0 of 3 steps done")
                        }
                        shown.hold("connectShop")
                        try await one.click("#step-0-go")
                        try await other.see("Running", in: "#step-0")
                        shown.letGo("connectShop")
                        try await other.see("Done", in: "#step-0")
                        // A process elsewhere tells nobody, and is seen all the same.
                        let flow = try shown.elsewhere(id)
                        #expect(try await flow.run(until: "1").finish() == .done)
                        for browser in [one, other] { try await browser.see("Done", in: "#step-1") }
                        try await other.click("#crumb")
                        try await other.see("2 of 3 steps", in: ".rows")
                        #expect(try await shown.elsewhere(id).complete("2").finish() == .done)
                        try await other.see("3 of 3 steps", in: ".rows")
                    }
                }
            }
        }
    }

    /// Everything that a document says is somebody's text.
    @Test(arguments: ["<img src=x onerror='window.hit=1'><script>window.hit=1</script>", "javascript:window.hit=1"])
    func aDocumentFullOfMarkupAndScriptsRunsNothingAndSendsNothing(_ attack: String) async throws {
        let link = "javascript:window.hit=1"
        func poisoned(_ json: JSON) -> JSON {
            switch json.kind {
            case .object:
                var object: JSON = [:]
                for (name, value) in json.members ?? [] {
                    let isMachine = ["mode", "_connectorId", "installerFunction", "uninstallerFunction", "type"]
                        .contains(name)
                    object[name] = isMachine ? value : poisoned(value)
                }
                return object
            case .array: return JSON((json.array ?? []).map(poisoned))
            case .string: return JSON(attack)
            default: return json
            }
        }
        var document = poisoned(Shown.documentWithForm)
        document["name"] = JSON(attack)
        for member in ["imageURL", "installURL"] {
            document[path: JSON.Path(["install", "0", member])] = JSON(link)
        }
        document[path: "install.0.description"] = JSON("\(attack)\u{202E}\u{7}")
        try await opened { [document] shown, browser in
            let id = try await shown.create(document)
            shown.fail("saveWarehouse {}", attack)
            try await browser.see(attack, in: ".rows")
            for tab in ["", "/settings", "/history", "/uninstall"] {
                try await show(id, tab, shown, browser)
                try await browser.see(attack)
                let found = try await browser.run(
                    """
                    return [window.hit ?? null, document.querySelectorAll('main script, main img, main iframe').length,
                      [...document.querySelectorAll('a[href], img[src], form[action]')].map((one) => one.href || one.src || one.action)
                        .filter((address) => !/^https?:/.test(address)),
                      performance.getEntriesByType('resource').map((one) => one.name)
                        .filter((address) => !address.startsWith(location.origin + '/'))];
                    """)
                #expect(found == [.null, 0, [], []], "\(tab): \(found)")
            }
            try await show(id, "", shown, browser)
            try await browser.see("\\u{202E}\\u{7}", in: "#step-0")
            try await browser.see("Go to: \(link)", in: "#step-0")
        }
    }

    @Test func signingInTakesTheTokenAndSigningOutEndsIt() async throws {
        try await Shown.serving { shown in
            try await Browser.withDriver { driver in
                try await Browser.with(driver) { browser in
                    let link = shown.link
                    try await browser.open(shown.url)
                    try await browser.see("Sign in")
                    try await browser.type("wrong", into: "#token")
                    try await browser.click("#signin")
                    try await browser.see("not the server's token")
                    try await browser.type(Shown.token, into: "#token")
                    try await browser.type("Ana Ruiz", into: "#name")
                    try await browser.click("#signin")
                    try await browser.see("No integrations yet")
                    try await browser.see("Ana Ruiz", in: "#account")
                    #expect(try await browser.run("return document.cookie") == "")
                    // Their name is in the history.
                    let id = try await shown.create(Shown.installed)
                    try await show(id, "", shown, browser)
                    try await browser.click("#step-0-more summary")
                    try await browser.click("#step-0-reset")
                    try await browser.see("Installing", in: ".facts")
                    try await browser.click("#tab-history")
                    try await browser.see("by Ana Ruiz", in: ".timeline")
                    try await browser.click("#signout")
                    try await browser.see("Sign in")
                    try await browser.open(link)
                    try await browser.see("Integrations", in: "h1")
                    try await browser.click("#signout")
                    try await browser.see("Sign in")
                    try await browser.open(link)
                    try await browser.see("used before")
                }
            }
        }
    }

    /// A page elsewhere has no way in, though the browser has the cookie.
    @Test func aPageOfAnotherOriginReachesNothing() async throws {
        let evil = try HTTPServer(
            .patient,
            responder: Canned { _ in
                HTTPResponse(
                    status: 200, headers: [HTTPRequest.Field("Content-Type", "text/html")],
                    body: Array("<!doctype html><title>elsewhere</title><h1>elsewhere</h1>".utf8))
            })
        try await opened { shown, browser in
            let id = try await shown.create()
            let address = "\(shown.url)/page/integrations/\(id)/act"
            try await browser.open(evil.url(at: "localhost"))
            try await browser.see("elsewhere", in: "body")
            _ = try await browser.run(
                """
                const send = (options) => fetch(arguments[0], { method: 'POST', credentials: 'include', body: '{"act":"run"}', ...options }).catch(() => null);
                window.tried = Promise.all([send({ headers: { 'Content-Type': 'application/json' } }), send({ mode: 'no-cors' })]).then(() => { window.done = true; });
                """, JSON(address))
            try await browser.wait(for: "window.done")
            #expect(shown.calls == [])
            _ = try await browser.run(
                """
                const frame = document.createElement('iframe');
                frame.onload = () => { window.framed = true; };
                frame.src = arguments[0];
                document.body.append(frame);
                """, JSON(shown.url))
            try await browser.wait(for: "window.framed")
            // A frame that was refused has a document of its own, which nobody reaches.
            #expect(try await browser.run("return document.querySelector('iframe').contentDocument") == .null)
            _ = try await browser.complaints()
        }
        await evil.shutdown(within: .zero)
    }

    @Test func theKeyboardAloneInstallsAndUninstalls() async throws {
        try await opened { shown, browser in
            let id = try await shown.create(Shown.documentWithForm)
            func reach(_ element: String) async throws {
                for _ in 0..<60 {
                    if try await browser.run("return document.activeElement?.id ?? ''").string == element { return }
                    try await browser.press(Browser.Key.tab)
                }
                Issue.record("the focus does not reach \(element)")
            }
            try await browser.see("Shop to Ledger")
            try await reach("entry-\(id)")
            try await browser.press(Browser.Key.enter)
            try await browser.see("0 of 1 step done")
            try await reach("step-0-code")
            try await browser.press("W", "-", "1")
            try await reach("step-0-go")
            try await browser.press(Browser.Key.enter)
            try await browser.see("Installed", in: ".facts")
            try await reach("tab-uninstall")
            try await browser.press(Browser.Key.enter)
            try await browser.see("Undo Warehouse", in: "#plan")
            try await reach("agree")
            try await browser.press(Browser.Key.space)
            try await reach("uninstall-go")
            try await browser.press(Browser.Key.enter)
            try await browser.see("This integration is gone")
        }
    }

    @Test func everyControlHasANameAndEveryTextCanBeRead() async throws {
        try await opened { shown, browser in
            shown.fail("connectLedger", "No")
            let failed = try await shown.create()
            let installed = try await shown.create(Shown.installed)
            let asking = try await shown.create(Shown.documentWithForm)
            let doubtful = try await shown.createInDoubt()
            _ = try await shown.elsewhere(failed).run().finish()
            let screens = [
                "/", "/?search=nothing", "/i/\(failed)", "/i/\(failed)/history", "/i/\(asking)", "/i/\(doubtful)",
                "/i/\(installed)", "/i/\(installed)/settings", "/i/\(installed)/uninstall",
            ]
            let looks = [(isDark: false, width: 1280), (true, 1280), (false, 390), (true, 390)]
            for (isDark, width) in looks {
                try await browser.show(width: width, height: 900, isDark: isDark)
                for screen in screens {
                    try await browser.open("\(shown.url)/#\(screen)")
                    try await expectIsClear(browser, "\(screen), \(isDark ? "dark" : "light"), \(width)")
                }
            }
            try await browser.click("#signout")
            for (isDark, width) in looks {
                try await browser.show(width: width, height: 900, isDark: isDark)
                try await browser.see("Sign in")
                try await expectIsClear(browser, "signing in, \(isDark ? "dark" : "light"), \(width)")
            }
        }
    }

    /// Every control has a name, every text can be read, and nothing is wider than the window.
    private func expectIsClear(_ browser: Browser, _ screen: String) async throws {
        try await browser.wait(
            for: "!document.body.innerText.includes('Reading…') && document.querySelector('main h1')")
        #expect(try await browser.namelessControls() == [], "\(screen)")
        let weak = try await browser.run(Self.weakTexts)
        #expect(weak == [], "\(screen): \(weak)")
        #expect(
            try await browser.run("return document.documentElement.scrollWidth <= innerWidth") == true,
            "\(screen) is too wide")
    }

    /// Texts whose contrast with what is behind them is less than 4.5 to 1.
    ///
    /// Source: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
    private static let weakTexts = """
        const parse = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
        const light = ([r, g, b]) => [r, g, b].map((one) => { const s = one / 255; return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; })
          .reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0);
        const behind = (node) => { for (let one = node; one; one = one.parentElement) { const color = parse(getComputedStyle(one).backgroundColor); if (color[3] === 1) return color; } return [255, 255, 255, 1]; };
        const weak = [];
        for (const node of document.querySelectorAll('body *')) {
          if (![...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim()) || !node.checkVisibility() || node.closest('.unseen')) continue;
          const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))];
          const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
          if (ratio < 4.5) weak.push(`${ratio.toFixed(2)} ${node.tagName} ${node.className} ${node.innerText.slice(0, 30)}`);
        }
        return weak;
        """
}
