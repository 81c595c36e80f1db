import Foundation
import Processes

/// A connection on which anything can be sent.
package final class RawConnection: Sendable {
    private let socket: Int32

    package init(host: String = "127.0.0.1", port: Int) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr(host)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        Waits.ofTest?.add { [weak self] in self?.end() }
    }

    deinit { close(socket) }

    /// Says that nothing more is sent.
    package func endOutput() { _ = shutdown(socket, Int32(SHUT_WR)) }

    private func end() { _ = shutdown(socket, Int32(SHUT_RDWR)) }

    package func write(_ text: String) { write(Array(text.utf8)) }

    /// - Returns: Whether all was taken.
    @discardableResult
    package func write(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Reads until the server closes, or until `end` was read: on a thread that may wait.
    package func read(until end: String? = nil) async -> String {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: self.readBlocking(until: end)) }
        }
    }

    /// Reads on this thread.
    package func readBlocking(until end: String?) -> String {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 65536)
        while end.map({ !text.contains($0) }) ?? true {
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
        return text
    }
}
