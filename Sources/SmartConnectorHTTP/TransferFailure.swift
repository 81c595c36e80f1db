import CCurl
import Foundation

/// Why a request has no answer.
struct TransferFailure: Error {
    enum Reason {
        case cancelled
        case timeout(String)
        /// The connection was closed or broke.
        case lost(String)
        case tooLarge(String)
        case other(String)
    }

    let reason: Reason
    /// Whether a part of an answer had come.
    let wasAnswered: Bool
}

extension TransferFailure.Reason {
    /// What libcurl's code means, in words of ours: its own name options and functions.
    init(_ code: CURLcode, of url: URL, _ transfer: UnsafeMutableRawPointer) {
        let proxy = Self.proxy(of: url)
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST: self = .other("there is no host of that name")
        case CURLE_COULDNT_RESOLVE_PROXY: self = .other("there is no host of the name of the proxy, \(proxy ?? "")")
        case CURLE_COULDNT_CONNECT:
            self = .other(
                proxy.map { "nothing answers at the proxy, \($0)" }
                    ?? "nothing answers there; is it running, and is the port right?")
        case CURLE_OPERATION_TIMEDOUT:
            let isConnected = transfer_get_long(transfer, CURLINFO_NUM_CONNECTS) > 0
            self = .timeout(
                isConnected || proxy == nil
                    ? "it did not answer in time" : "the proxy, \(proxy ?? ""), did not answer in time")
        case CURLE_PARTIAL_FILE: self = .lost("the connection was lost in the middle of the answer")
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_SEND_FAIL_REWIND:
            let status = transfer_get_long(transfer, CURLINFO_HTTP_CONNECTCODE)
            if status >= 300 {
                self = .other("the proxy, \(proxy ?? ""), does not let it through: status \(status)")
            } else {
                self = .lost("the connection was closed before there was an answer")
            }
        case CURLE_HTTP2, CURLE_HTTP2_STREAM: self = .lost("the connection was lost in the middle of the answer")
        case CURLE_PEER_FAILED_VERIFICATION: self = .other("its certificate is not trusted")
        case CURLE_SSL_CONNECT_ERROR:
            self = .other("no secure connection can be agreed on with it; is it HTTPS there, with TLS 1.2 or newer?")
        case CURLE_SSL_CACERT_BADFILE: self = .other("the file of trusted certificates cannot be read")
        case CURLE_BAD_CONTENT_ENCODING: self = .other("its answer cannot be decompressed")
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY: self = .other("the answer is no HTTP")
        case CURLE_OUT_OF_MEMORY: self = .other("there is no memory for the answer")
        default: self = .other("the request failed: \(String(cString: curl_easy_strerror(code)))")
        }
    }

    /// The proxy that the environment names for a URL, by the rules of curl: origin alone, since it may hold a password.
    static func proxy(
        of url: URL, in environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> String? {
        let scheme = url.scheme?.lowercased() ?? ""
        // Not HTTP_PROXY: whoever calls a CGI program sets that.
        let names = (scheme == "http" ? ["http_proxy"] : ["https_proxy", "HTTPS_PROXY"]) + ["all_proxy", "ALL_PROXY"]
        guard let proxy = names.lazy.compactMap({ environment[$0] }).first, !proxy.isEmpty else { return nil }
        let host = (url.host ?? "").lowercased()
        let excluded = (environment["no_proxy"] ?? environment["NO_PROXY"] ?? "").lowercased()
            .split { $0 == "," || $0 == " " }
        guard
            !excluded.contains(where: {
                $0 == "*" || host == $0.drop { $0 == "." } || host.hasSuffix(".\($0.drop { $0 == "." })")
            })
        else { return nil }
        return URL(string: proxy.contains("://") ? proxy : "http://\(proxy)")?.origin ?? "whose address is no URL"
    }
}
