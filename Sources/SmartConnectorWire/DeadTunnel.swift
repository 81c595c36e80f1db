import SmartConnector

/// What stands in a stack's place when its tunnel is gone: a page, or a status without any JSON.
///
/// The tunnel that died, and the record that still names it, are what breaks first where a connector is developed.
/// This is the one place that recognises it and the one that says so.
package enum DeadTunnel {
    /// The statuses with which tunnels and balancers say that there is nothing behind them.
    private static let statuses: Set<Int> = [404, 502, 503, 504, 530]

    /// What there is to say of an answer to a call of a function.
    ///
    /// - Parameters:
    ///   - place: Where the stack was to be.
    ///   - status: The status of the answer.
    ///   - body: Its bytes.
    ///   - contentType: What it says that they are.
    /// - Returns: Nil where it may well be a stack that answers.
    package static func message(
        at place: String, status: Int, body: [UInt8], contentType: String?
    ) -> String? {
        // A stack may well speak of pages, in JSON.
        if (try? JSON(parsing: body)) != nil { return nil }
        let text = String(decoding: body.prefix(64 * 1024), as: UTF8.self)
        if contentType?.lowercased().contains("html") == true || text.drop(while: \.isWhitespace).hasPrefix("<") {
            return message("the stack at \(place)", page: text, status: status)
        }
        guard statuses.contains(status) else { return nil }
        let what = text.split(whereSeparator: \.isNewline).first.map { " (\($0.prefix(80)))" } ?? ""
        return notReached("the stack at \(place)", "status \(status) and no JSON\(what)")
    }

    /// What there is to say of a text in which integrator.io tells what it got from a stack; nil where there is no page in it.
    package static func message(in text: String) -> String? {
        let lowercased = text.lowercased()
        guard lowercased.contains("<!doctype html") || lowercased.contains("<html") else { return nil }
        return message("the stack", page: text, status: nil)
    }

    private static func message(_ who: String, page: String, status: Int?) -> String {
        let title = title(of: page).map { " \"\($0)\"" } ?? ""
        let what = status.map { " with status \($0)" } ?? ""
        return notReached(who, "an HTML page\(title)\(what) and not JSON")
    }

    private static func notReached(_ who: String, _ what: String) -> String {
        "\(who) is not reached: in its place there is \(what); usually its tunnel has ended or moved and its address is stale, in the stack's record at integrator.io too ('stack check' compares them), or a proxy or a log-in page stands in between"
    }

    /// What a page calls itself: tunnels say there what is wrong.
    private static func title(of page: String) -> String? {
        guard let match = page.firstMatch(of: #/(?i)<title[^>]*>([^<]{1,200})/#) else { return nil }
        let words = match.1.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return words.isEmpty ? nil : String(words.prefix(80))
    }
}
