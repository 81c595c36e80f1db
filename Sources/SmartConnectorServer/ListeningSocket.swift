import CPolling
import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Why a server cannot be started.
public struct ServerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A stable name for the reason.
    public enum Code: String, Sendable {
        /// Somebody listens on that port already.
        case addressInUse = "address_in_use"
        /// The port needs more rights than this process has.
        case notAllowed = "not_allowed"
        /// The host is no address of this machine, or the port is not from 0 to 65535.
        case invalidAddress = "invalid_address"
        /// The certificate and the key are not PEM or do not match.
        case invalidCertificate = "invalid_certificate"
        /// The system refuses for another reason, which the description says.
        case unavailable
    }

    /// The reason, for a program to switch on.
    public let code: Code
    /// What is wrong and what to do.
    public let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

/// A socket that listens, made by hand so that what goes wrong can be said.
struct ListeningSocket {
    let descriptor: Int32
    let port: Int

    init(host: String, port: Int) throws(ServerError) {
        guard (0...65535).contains(port) else {
            throw ServerError(.invalidAddress, "\(port) is no port; choose one from 0 (any that is free) to 65535")
        }
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        #if canImport(Glibc)
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
            hints.ai_socktype = SOCK_STREAM
        #endif
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &found)
        defer { if let found { freeaddrinfo(found) } }
        guard status == 0, let address = found?.pointee else {
            throw ServerError(
                .invalidAddress, "\(host) is no address of this machine: \(String(cString: gai_strerror(status)))")
        }
        descriptor = socket(address.ai_family, address.ai_socktype, address.ai_protocol)
        guard descriptor >= 0 else { throw Self.failure(host, port) }
        var isOn: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &isOn, socklen_t(MemoryLayout<Int32>.size))
        guard fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0, fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0,
            bind(descriptor, address.ai_addr, address.ai_addrlen) == 0, listen(descriptor, 4096) == 0
        else {
            let failure = Self.failure(host, port)
            closeSocket(descriptor)
            throw failure
        }
        self.port = Self.port(of: descriptor)
    }

    func close() { closeSocket(descriptor) }

    private static func failure(_ host: String, _ port: Int) -> ServerError {
        switch errno {
        case EADDRINUSE:
            ServerError(.addressInUse, "port \(port) of \(host) is in use; choose another, or 0 for any that is free")
        case EACCES:
            ServerError(
                .notAllowed, "port \(port) of \(host) needs more rights than this process has; choose one above 1023")
        case EADDRNOTAVAIL:
            ServerError(.invalidAddress, "\(host) is no address of this machine")
        default:
            ServerError(.unavailable, "cannot listen on \(host):\(port): \(String(cString: strerror(errno)))")
        }
    }

    private static func port(of descriptor: Int32) -> Int {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getsockname(descriptor, address, &length) == 0 else { return 0 }
                // The port is at the same place in IPv4 and IPv6 addresses.
                return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    Int(UInt16(bigEndian: $0.pointee.sin_port))
                }
            }
        }
    }
}

private func closeSocket(_ descriptor: Int32) {
    #if canImport(Glibc)
        _ = Glibc.close(descriptor)
    #elseif canImport(Musl)
        _ = Musl.close(descriptor)
    #else
        _ = Darwin.close(descriptor)
    #endif
}

/// Tells the other side that nothing more comes.
func shutdownWriting(_ socket: Int32) {
    #if canImport(Glibc) || canImport(Musl)
        _ = shutdown(socket, Int32(SHUT_WR))
    #else
        _ = shutdown(socket, SHUT_WR)
    #endif
}
