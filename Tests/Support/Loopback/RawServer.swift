import Foundation
import SmartConnector
import Synchronization

/// A server of the loopback interface that does with each connection what a test says, down to the bytes.
///
/// Each connection is handled on a thread of its own, which may wait. They end with ``stop()``.
package final class RawServer: Sendable {
    private let listener: Int32
    /// The port that the system has chosen.
    package let port: Int
    private let isIPv6: Bool
    private let connections = Guarded<[Int32: Connection]>([:])

    /// A server that handles what connects.
    ///
    /// - Parameter handle: Is given the connection, and how many there were before; it is closed when this returns.
    package init(isIPv6: Bool = false, _ handle: @escaping @Sendable (Connection, Int) -> Void) throws {
        self.isIPv6 = isIPv6
        listener = socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard listener >= 0, let port = Self.bind(listener, isIPv6), listen(listener, 128) == 0 else {
            throw POSIXError(.init(rawValue: errno) ?? .EIO)
        }
        self.port = port
        Thread.detachNewThread { [listener] in
            var count = 0
            while true {
                let socket = accept(listener, nil, nil)
                // Closed by whoever waits at it, so that nobody waits at another that gets its number.
                guard socket >= 0 else { return _ = close(listener) }
                let connection = Connection(socket)
                self.connections.withLock { $0[socket] = connection }
                let number = count
                Thread.detachNewThread {
                    handle(connection, number)
                    self.connections.withLock { connections in
                        connections[socket] = nil
                        connection.close()
                    }
                }
                count += 1
            }
        }
    }

    /// Its address for a client.
    package var url: String { "http://\(isIPv6 ? "[::1]" : "127.0.0.1"):\(port)" }

    /// Ends it and all connections.
    package func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        connections.withLock { connections in
            for connection in connections.values { connection.end() }
        }
    }

    private static func bind(_ socket: Int32, _ isIPv6: Bool) -> Int? {
        var storage = sockaddr_storage()
        var size = socklen_t(isIPv6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutableBytes(of: &storage) { bytes -> Int? in
            if isIPv6 {
                var address = sockaddr_in6()
                address.sin6_family = sa_family_t(AF_INET6)
                address.sin6_addr = in6addr_loopback
                bytes.storeBytes(of: address, as: sockaddr_in6.self)
            } else {
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_addr.s_addr = inet_addr("127.0.0.1")
                bytes.storeBytes(of: address, as: sockaddr_in.self)
            }
            let address = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            guard let address, Foundation.bind(socket, address, size) == 0, getsockname(socket, address, &size) == 0
            else { return nil }
            // The port stands at the same place in both.
            return Int(UInt16(bigEndian: bytes.load(fromByteOffset: 2, as: UInt16.self)))
        }
    }

    /// The server's end of a connection.
    package final class Connection: Sendable {
        private let socket: Int32

        init(_ socket: Int32) { self.socket = socket }

        /// Reads a request, its body included; nil where the client has closed.
        package func request() -> String? {
            var bytes: [UInt8] = []
            while true {
                if let text = Self.complete(bytes) { return text }
                guard let more = read() else { return nil }
                bytes += more
            }
        }

        private static func complete(_ bytes: [UInt8]) -> String? {
            let text = String(decoding: bytes, as: UTF8.self)
            guard let end = text.range(of: "\r\n\r\n") else { return nil }
            let lines = text[..<end.lowerBound].split(separator: "\r\n")
            let length = lines.lazy.compactMap { line -> Int? in
                let parts = line.split(separator: ":", maxSplits: 1)
                guard parts.count == 2, parts[0].lowercased() == "content-length" else { return nil }
                return Int(parts[1].trimmingCharacters(in: .whitespaces))
            }
            guard text[end.upperBound...].utf8.count >= length.first ?? 0 else { return nil }
            return text
        }

        /// Reads what there is, and waits until there is something; nil where the client has closed.
        package func read() -> [UInt8]? {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(socket, &buffer, buffer.count, 0)
            return count > 0 ? Array(buffer[..<count]) : nil
        }

        /// Sends bytes.
        ///
        /// - Returns: Whether the client still takes any.
        @discardableResult package func write(_ bytes: [UInt8]) -> Bool {
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                guard count > 0 else { return false }
                rest = rest.dropFirst(count)
            }
            return true
        }

        /// Sends text.
        ///
        /// - Returns: Whether the client still takes any.
        @discardableResult package func write(_ text: String) -> Bool { write(Array(text.utf8)) }

        /// Sends an answer of JSON, the connection being kept.
        package func answer(_ json: String, status: String = "200 OK", headers: String = "") {
            write(
                "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\n\(headers)Content-Length: \(json.utf8.count)\r\n\r\n\(json)"
            )
        }

        /// Says that nothing more will come or go. Whoever reads learns it.
        package func end() { _ = shutdown(socket, Int32(SHUT_RDWR)) }

        fileprivate func close() { _ = Foundation.close(socket) }
    }
}
