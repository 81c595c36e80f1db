import Foundation

/// Addresses of the loopback interface.
package enum Loopback {
    /// One that is this process's alone, so that each of its ports is; nil where the system has only the one that all
    /// share.
    package static let ownAddress: String? = {
        #if os(Linux)
            // All of 127.0.0.0/8 is there, and a number of a process has 22 bits at most.
            let process = ProcessInfo.processInfo.processIdentifier
            return "127.\(64 + process >> 16 & 63).\(process >> 8 & 255).\(process & 255)"
        #else
            return nil
        #endif
    }()

    /// A port of 127.0.0.1 at which nobody listens, nor can while this process runs: it is bound.
    package static let silentPort: Int = {
        #if os(Linux)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, size) == 0 && getsockname(descriptor, address, &size) == 0
            }
        }
        precondition(isBound, "there is no free port: errno \(errno)")
        return Int(UInt16(bigEndian: address.sin_port))
    }()
}
