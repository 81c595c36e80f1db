import CCurl
import Foundation
import SmartConnector
import SmartConnectorWire
import Synchronization

/// One request under way, and what has come of its answer.
///
/// `@unchecked Sendable`: what can be changed is touched by the thread of ``Transfers`` alone, from ``begin()`` to its end;
/// whoever made it has only ``isCancelled``, which is guarded, until the continuation hands the answer over.
final class Transfer: @unchecked Sendable {
    /// What is asked for.
    struct Request {
        let method: String
        let url: URL
        let headers: [HTTPRequest.Field]
        let body: [UInt8]
        /// How long all of it may take; nil for ever.
        let timeout: Duration?
        let options: ConnectionOptions
        /// Whether it may arrive a second time. What may not is never sent again, not even on a kept connection that turned
        /// out to be dead.
        let mayRepeat: Bool
        /// Whether no kept connection is to be used.
        let needsNewConnection: Bool
    }

    typealias Answer = Result<HTTPResponse, TransferFailure>

    /// Header lines are counted up to here.
    private static let largestHeader = 256 << 10

    let request: Request
    private let continuation = Guarded<CheckedContinuation<Answer, Never>?>(nil)
    private let cancelled = Atomic(false)

    private var handle: UnsafeMutableRawPointer?
    private var fields: UnsafeMutablePointer<curl_slist>?
    private var sent = 0
    private var headers: [HTTPRequest.Field] = []
    private var headerSize = 0
    private var body: [UInt8] = []
    private let started = ContinuousClock.now
    /// Since when the answer's bytes are counted, and how many there were then.
    private var counted: (since: ContinuousClock.Instant, bytes: Int)?
    /// Why this end of the connection has given it up.
    private var refusal: TransferFailure.Reason?

    init(_ request: Request) {
        self.request = request
    }

    // MARK: From outside

    var isCancelled: Bool { cancelled.load(ordering: .acquiring) }

    func cancel() { cancelled.store(true, ordering: .releasing) }

    /// Whom to tell the answer.
    func promise(_ continuation: CheckedContinuation<Answer, Never>) {
        self.continuation.withLock { $0 = continuation }
    }

    private func end(_ answer: Answer) {
        guard
            let continuation = self.continuation.withLock({ continuation in
                defer { continuation = nil }
                return continuation
            })
        else { preconditionFailure("a request is answered once") }
        continuation.resume(returning: answer)
    }

    // MARK: On the thread of all transfers

    /// What libcurl does it with; nil where that cannot be had, and the answer says so.
    func begin() -> UnsafeMutableRawPointer? {
        if isCancelled {
            end(.failure(failure(.cancelled)))
            return nil
        }
        guard let handle = curl_easy_init() else {
            end(.failure(failure(.other("there is no memory for another request"))))
            return nil
        }
        self.handle = handle
        setAddress(handle)
        setBounds(handle)
        setBody(handle)
        setHeaders(handle)
        transfer_set_callbacks(
            handle, Unmanaged.passUnretained(self).toOpaque(),
            { bytes, size, count, context in Transfer.of(context).header(bytes, size * count) },
            { bytes, size, count, context in Transfer.of(context).write(bytes, size * count) },
            { context, _, received, _, _ in Transfer.of(context).isGivenUp(received: Int(received)) ? 1 : 0 })
        return handle
    }

    /// The transfer that a callback's context is: it is held by ``Transfers`` for as long as libcurl has its handle.
    static func of(_ context: UnsafeMutableRawPointer?) -> Transfer {
        guard let context else { preconditionFailure("each callback was given its transfer") }
        return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    }

    private func setAddress(_ handle: UnsafeMutableRawPointer) {
        transfer_set_text(handle, CURLOPT_URL, request.url.absoluteString)
        transfer_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
        transfer_set_text(handle, CURLOPT_CUSTOMREQUEST, request.method)
        transfer_set_long(handle, CURLOPT_HTTP_VERSION, transfer_http2_over_tls)
        transfer_set_long(handle, CURLOPT_SSLVERSION, transfer_tls_1_2)
        if let file = request.options.certificateFile ?? Transfers.environmentCertificates {
            transfer_set_text(handle, CURLOPT_CAINFO, file)
        }
        transfer_set_long(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        if request.needsNewConnection { transfer_set_long(handle, CURLOPT_FRESH_CONNECT, 1) }
    }

    private func setBounds(_ handle: UnsafeMutableRawPointer) {
        // Its timers are those of the thread, and no signals.
        transfer_set_long(handle, CURLOPT_NOSIGNAL, 1)
        transfer_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, request.options.connecting.wholeMilliseconds)
        if let timeout = request.timeout {
            transfer_set_long(handle, CURLOPT_TIMEOUT_MS, timeout.wholeMilliseconds)
        }
        // A function may say nothing for minutes, and what stands in between forgets connections that are silent.
        transfer_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1)
        transfer_set_long(handle, CURLOPT_TCP_KEEPIDLE, 30)
        transfer_set_long(handle, CURLOPT_TCP_KEEPINTVL, 15)
        // All that this libcurl can undo; what comes of it is counted.
        transfer_set_text(handle, CURLOPT_ACCEPT_ENCODING, "")
    }

    private func setBody(_ handle: UnsafeMutableRawPointer) {
        guard !request.body.isEmpty || request.method == "POST" || request.method == "PUT" else { return }
        transfer_set_long(handle, CURLOPT_POST, 1)
        transfer_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count))
        // By callbacks, since what is given as a whole libcurl sends again where it thinks best.
        transfer_set_body(
            handle, Unmanaged.passUnretained(self).toOpaque(),
            { bytes, size, count, context in Transfer.of(context).read(bytes, size * count) },
            { context, offset, _ in Transfer.of(context).rewind(to: Int(offset)) })
    }

    private func setHeaders(_ handle: UnsafeMutableRawPointer) {
        // No pause before a large body, and no type that was not asked for.
        let names = request.headers.map { $0.name.lowercased() }
        var lines = ["Expect:"]
        if !names.contains("content-type") { lines.append("Content-Type:") }
        if !names.contains("accept") { lines.append("Accept:") }
        // A field without a value ends with a semicolon: with a colon it would be left out.
        lines += request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        for line in lines { fields = curl_slist_append(fields, line) }
        transfer_set_headers(handle, fields)
    }

    private func read(_ bytes: UnsafeMutablePointer<CChar>?, _ room: Int) -> Int {
        let count = min(room, request.body.count - sent)
        guard let bytes, count > 0 else { return 0 }
        request.body.withUnsafeBytes { body in
            UnsafeMutableRawPointer(bytes).copyMemory(from: body.baseAddress! + sent, byteCount: count)
        }
        sent += count
        return count
    }

    private func rewind(to offset: Int) -> Int32 {
        guard request.mayRepeat, (0...request.body.count).contains(offset) else { return transfer_seek_refused }
        sent = offset
        return transfer_seek_done
    }

    private func header(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
        let line = UnsafeRawBufferPointer(start: bytes, count: count)
        headerSize += count
        guard headerSize <= Self.largestHeader else {
            refusal = .tooLarge("the header of its answer has more than \(Self.largestHeader >> 10) KB")
            return 0
        }
        // Each answer begins so, also one that is only on the way to the last: 100, 103.
        if line.starts(with: "HTTP/".utf8) {
            headers = []
        } else if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
            let value = String(decoding: line[(colon + 1)...], as: UTF8.self)
            headers.append(
                HTTPRequest.Field(
                    String(decoding: line[..<colon], as: UTF8.self),
                    value.trimmingCharacters(in: .whitespacesAndNewlines)))
        }
        return count
    }

    private func write(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
        guard body.count + count <= request.options.largestAnswer else {
            refusal = .tooLarge(
                "its answer has more than \(request.options.largestAnswer >> 20) MB, which is as much as is read")
            return 0
        }
        body.append(contentsOf: UnsafeRawBufferPointer(start: bytes, count: count))
        return count
    }

    /// Whether it has been silent or slow for too long. Asked once a second at least.
    private func isGivenUp(received: Int) -> Bool {
        let now = ContinuousClock.now
        guard headerSize > 0 else {
            guard let limit = request.options.firstByte, now - started > limit else { return false }
            refusal = .timeout("it did not begin to answer in time")
            return true
        }
        let bytes = headerSize + received
        guard let counted else {
            counted = (now, bytes)
            return false
        }
        let elapsed = now - counted.since
        guard elapsed >= request.options.slowWindow else { return false }
        self.counted = (now, bytes)
        guard Double(bytes - counted.bytes) < Double(request.options.slowest) * (elapsed / .seconds(1)) else {
            return false
        }
        refusal = .timeout("its answer comes too slowly")
        return true
    }

    // MARK: Its end

    /// Takes what came of it.
    func finish(_ code: CURLcode) {
        guard let handle else { preconditionFailure("only what was begun can end") }
        let answer: Answer
        if code == CURLE_OK {
            let status = Int(transfer_get_long(handle, CURLINFO_RESPONSE_CODE))
            answer = .success(HTTPResponse(status: status, headers: headers, body: body))
        } else {
            answer = .failure(failure(refusal ?? TransferFailure.Reason(code, of: request.url, handle)))
        }
        close()
        end(answer)
    }

    /// Ends it as cancelled, in the middle of whatever it was.
    func abandon() {
        close()
        end(.failure(failure(.cancelled)))
    }

    private func close() {
        curl_easy_cleanup(handle)
        curl_slist_free_all(fields)
        (handle, fields) = (nil, nil)
    }

    private func failure(_ reason: TransferFailure.Reason) -> TransferFailure {
        TransferFailure(reason: reason, wasAnswered: headerSize > 0)
    }
}

extension Duration {
    /// For libcurl, to which 0 is no limit at all.
    fileprivate var wholeMilliseconds: Int { Int(max(1, min(bounded.milliseconds(), Int64(Int32.max)))) }
}
