import CCurl
import Foundation
import SmartConnector
import SmartConnectorWire
import Synchronization

/// All requests of this process under way: one thread, which libcurl drives them on over connections that they share.
final class Transfers: Sendable {
    /// One for all: a stack makes a client for each call, and connections are to outlive it.
    static let shared = Transfers()

    /// What `SSL_CERT_FILE` names, as it was when the process made its first request.
    static let environmentCertificates = ProcessInfo.processInfo.environment["SSL_CERT_FILE"].flatMap {
        $0.isEmpty ? nil : $0
    }

    /// Kept connections; the one used longest ago is closed for another.
    private static let keptConnections = 256
    /// How long the thread sleeps where nothing wakes it: libcurl's own timers do.
    private static let longestSleep = Int32(1000)

    private enum Errand {
        case begin(Transfer)
        case cancel(Transfer)
    }

    private let errands = Guarded<[Errand]>([])
    /// Proof that this is safe: it is set once, before the thread begins; the thread alone uses it, and others call but
    /// `curl_multi_wakeup`, which may be called from any thread (libcurl's documentation of it).
    private nonisolated(unsafe) let handle: UnsafeMutableRawPointer

    private init() {
        curl_global_init(Int(CURL_GLOBAL_DEFAULT))
        guard let handle = curl_multi_init() else { preconditionFailure("there is no memory for requests") }
        transfers_set_long(handle, CURLMOPT_MAXCONNECTS, Self.keptConnections)
        self.handle = handle
        let thread = Thread { [self] in run() }
        thread.name = "requests"
        thread.start()
    }

    /// Does a request, and gives what came of it. A task that is cancelled ends it at once.
    func perform(_ request: Transfer.Request) async -> Transfer.Answer {
        let transfer = Transfer(request)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                transfer.promise(continuation)
                tell(.begin(transfer))
            }
        } onCancel: {
            transfer.cancel()
            tell(.cancel(transfer))
        }
    }

    private func tell(_ errand: Errand) {
        errands.withLock { $0.append(errand) }
        curl_multi_wakeup(handle)
    }

    // MARK: The thread

    private func run() {
        /// Those that libcurl has, by their handles.
        var active: [UnsafeMutableRawPointer: Transfer] = [:]
        while true {
            for errand in errands.withLock({ errands in
                defer { errands = [] }
                return errands
            }) {
                switch errand {
                case .begin(let transfer): begin(transfer, &active)
                case .cancel(let transfer):
                    // It may have ended meanwhile, or not have begun: then it sees that it is cancelled.
                    guard let found = active.first(where: { $0.value === transfer }) else { continue }
                    active[found.key] = nil
                    curl_multi_remove_handle(handle, found.key)
                    transfer.abandon()
                }
            }
            var running = Int32(0)
            curl_multi_perform(handle, &running)
            var code = CURLE_OK
            while let ended = transfers_ended(handle, &code) {
                guard let transfer = active.removeValue(forKey: ended) else {
                    preconditionFailure("what ends had begun")
                }
                curl_multi_remove_handle(handle, ended)
                transfer.finish(code)
            }
            // Kept connections that are closed by the other end are found when they are to be used.
            curl_multi_poll(handle, nil, 0, active.isEmpty ? Int32.max : Self.longestSleep, nil)
        }
    }

    private func begin(_ transfer: Transfer, _ active: inout [UnsafeMutableRawPointer: Transfer]) {
        guard let begun = transfer.begin() else { return }
        active[begun] = transfer
        curl_multi_add_handle(handle, begun)
    }
}
