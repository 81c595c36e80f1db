import Foundation
import SmartConnector
import SmartConnectorWire

/// What a person does on the page.
extension WizardPage {
    /// How long whoever saves settings, or does what calls no function, waits for what becomes of it.
    private static var patience: Duration { .seconds(20) }

    /// `POST /page/integrations/ID/act` with `{"act", …}`.
    func act(on id: String, _ request: HTTPRequest) async throws -> HTTPResponse {
        let body = try request.object()
        let person = sessions.session(of: request).flatMap { $0.person ?? configuration.person }
        func text(_ name: String) -> String? { body[name]?.string.flatMap { $0.isEmpty ? nil : $0 } }
        let act = text("act") ?? ""
        switch act {
        case "stop":
            let wasRunning = await drives.stop(id)
            return HTTPResponse(json: ["outcome": wasRunning ? "stopped" : "nothing"])
        case "unlock":
            return try await unlock(id, person: person, reason: text("reason"))
        default: break
        }
        guard var order = try await order(act, id, body) else {
            throw APIError(.invalid, "the page does not know '\(act.printable)'", status: 422, field: "act")
        }
        order.person = person
        order.reason = text("reason")
        // What calls nothing is over soon; of the rest there is news all the time.
        let isShort = act == "saveSettings" || !order.callsFunctions
        let report = await drives.begin(id, order, patience: isShort ? Self.patience : nil)
        await index.isOld()
        return try await answer(report, of: id, body)
    }

    private func order(_ act: String, _ id: String, _ body: JSON) async throws -> PageDrives.Order? {
        func text(_ name: String) throws -> String {
            guard let text = body[name]?.string, !text.isEmpty else {
                throw APIError(.invalid, "\(name) is missing", status: 422, field: name)
            }
            return text
        }
        func step() throws -> String {
            guard let index = body["step"]?.int else {
                throw APIError(.invalid, "step is missing", status: 422, field: "step")
            }
            return String(index)
        }
        switch act {
        case "install": return try await install(id, body)
        case "run": return PageDrives.Order(goal: { $0.run() })
        case "resume": return PageDrives.Order(goal: { $0.resume() })
        case "uninstall": return PageDrives.Order(goal: { $0.uninstall() })
        case "cancelUninstall": return PageDrives.Order(goal: { $0.cancelUninstall() }, callsFunctions: false)
        case "abortUpdate": return PageDrives.Order(goal: { $0.abortUpdate() }, callsFunctions: false)
        case "complete":
            let step = try step()
            return PageDrives.Order(goal: { $0.complete(step) }, callsFunctions: false)
        case "reset":
            let step = try step()
            return PageDrives.Order(goal: { $0.reset(step) }, callsFunctions: false)
        case "update":
            guard let version = ConnectorVersion(try text("version")) else {
                throw APIError(.invalid, "that is no version such as 1.2.0", status: 422, field: "version")
            }
            return PageDrives.Order(goal: { $0.update(to: version) })
        case "resolve":
            let (tookEffect, reason) = (body["tookEffect"]?.bool ?? false, try text("reason"))
            return PageDrives.Order(
                goal: { $0.resolve(tookEffect: tookEffect, reason: reason) }, callsFunctions: false)
        case "saveSettings": return try await save(id, body)
        default: return nil
        }
    }

    /// One step, or all up to the first that a person has to say something for.
    private func install(_ id: String, _ body: JSON) async throws -> PageDrives.Order {
        if let index = body["step"]?.int {
            let form = body["form"].flatMap { $0.kind == .object ? $0 : nil }
            return PageDrives.Order(goal: { $0.run(until: String(index)) }, formValues: form)
        }
        let standing = try await look(id)
        let open = standing.integration.steps.enumerated().filter { standing.machine?.isDone(at: $0.offset) != true }
        let asking = open.first { PageForm($0.element.json["form"]) != nil || $0.element.installURL?.isEmpty == false }
        guard let asking else { return PageDrives.Order(goal: { $0.run() }) }
        guard let last = open.last(where: { $0.offset < asking.offset }) else {
            throw APIError(
                .invalid, "the next step waits for you: see to it first", status: 422, field: "step")
        }
        return PageDrives.Order(goal: { $0.run(until: String(last.offset)) })
    }

    private func save(_ id: String, _ body: JSON) async throws -> PageDrives.Order {
        let integration = try await integrator.store.get(id).integration
        let pending = try PageSettings(integration).pending(body["values"] ?? [:], in: integration)
        return PageDrives.Order(goal: { $0.saveSettings(pending) })
    }

    private func unlock(_ id: String, person: String?, reason: String?) async throws -> HTTPResponse {
        let act = Act(.unlock, person: person, holder: LeaseHolder.make(), date: Date(), reason: reason)
        let evicted = try await journal.unlock(id, evicting: nil, recording: act)
        watch.changed(id)
        return HTTPResponse(
            json: ["outcome": evicted == nil ? "nothing" : "unlocked", "holder": .optional(evicted?.holder.printable)])
    }

    /// Fields of which the document does not have what was accepted: a connector that checks its settings writes them itself.
    private func unwritten(_ values: JSON, _ id: String) async throws -> [String] {
        let settings = PageSettings(try await integrator.store.get(id).integration)
        return (values.members ?? []).compactMap { name, value in
            guard let field = settings.field(name), field.json["value"] != value else { return nil }
            return field.json["label"]?.string
        }
    }

    private func answer(_ report: PageDrives.Report, of id: String, _ body: JSON) async throws -> HTTPResponse {
        switch report {
        case .running: return HTTPResponse(status: 202, json: ["outcome": "running"])
        case .failed(let error): throw error
        case .ended(let event):
            guard let event, event.needsPerson else {
                var json: JSON = ["outcome": "done"]
                if let values = body["values"] {
                    json["unwritten"] = JSON(try await unwritten(values, id).map { JSON($0) })
                }
                return HTTPResponse(json: json)
            }
            var json: JSON = ["outcome": "stopped", "event": event.json]
            if let failure = event.failure {
                json["failure"] = failure.shown
                if let values = body["values"] {
                    let settings = PageSettings(try await integrator.store.get(id).integration)
                    json["field"] = .optional(settings.field(meantBy: failure.message, among: values))
                }
            }
            return HTTPResponse(json: json)
        }
    }
}

extension PageSettings {
    /// The field that an error is about: the only one that was changed, or the one that it names.
    fileprivate func field(meantBy message: String, among values: JSON) -> String? {
        let ids = (values.members ?? []).map(\.name)
        if ids.count == 1 { return ids.first }
        let text = message.folded
        return ids.compactMap(field).filter { field in
            let label = field.json["label"]?.string ?? ""
            guard case .field(let name, _) = field.place else {
                return !label.isEmpty && text.contains(label.folded)
            }
            return text.contains(name.folded) || !label.isEmpty && text.contains(label.folded)
        }.max { ($0.json["label"]?.string ?? "").count < ($1.json["label"]?.string ?? "").count }?.id
    }
}
