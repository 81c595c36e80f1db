import Foundation
import Synchronization

/// This machine since it was started: what its processes and containers have in common.
package enum MachineClock {
    /// Another text after each start, and where the clock has another zero; nil where it cannot be had.
    package static let name: String? = {
        #if os(Linux)
            guard let boot = LeaseHolder.boot else { return nil }
            let namespace = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/time")
            return namespace.map { "\(boot)-\($0.filter(\.isNumber))" } ?? boot
        #else
            return LeaseHolder.boot
        #endif
    }()

    /// The milliseconds since the machine was started, those in which it slept included. Nobody sets this clock.
    package static var milliseconds: Int64 {
        var time = timespec()
        #if os(Linux)
            let status = clock_gettime(CLOCK_BOOTTIME, &time)
        #else
            let status = clock_gettime(CLOCK_MONOTONIC_RAW, &time)
        #endif
        precondition(status == 0, "each system that this runs on has the clock")
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// Names for those who hold leases, from which others on the same machine can tell whether they still run.
///
/// A name says the host, the number of the process, and in brackets the machine's present start, the namespace in which
/// the number counts, and when the process was started: `web-1, process 4711 (3f1c…-4026531836-8812.1k2j3h.7)`.
public enum LeaseHolder {
    /// Where process numbers mean the same.
    private struct Scope: Equatable {
        let host: String
        /// The start of the machine and the namespace; nil where nothing can be known of other processes.
        let machine: String?
    }

    /// What is another each time that a machine is started. Machines that go on from one snapshot have it in common.
    fileprivate static let boot: String? = {
        #if os(Linux)
            let text = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
            return text.map { $0.filter { $0.isHexDigit || $0 == "-" } }.flatMap { $0.isEmpty ? nil : $0 }
        #elseif canImport(Darwin)
            var length = 0
            guard sysctlbyname("kern.bootsessionuuid", nil, &length, nil, 0) == 0, length > 1 else { return nil }
            var bytes = [CChar](repeating: 0, count: length)
            guard sysctlbyname("kern.bootsessionuuid", &bytes, &length, nil, 0) == 0 else { return nil }
            return String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        #else
            return nil
        #endif
    }()

    private static let scope = Scope(host: ProcessInfo.processInfo.hostName, machine: machine)

    private static let machine: String? = {
        #if os(Linux)
            guard let boot,
                let namespace = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")
            else { return nil }
            return "\(boot)-\(namespace.filter(\.isNumber))"
        #else
            return nil
        #endif
    }()

    /// The part that all names of this process have in common.
    private static let process: String = {
        let number = ProcessInfo.processInfo.processIdentifier
        let random = String(UInt32.random(in: .min ... .max), radix: 36)
        let place =
            if let machine = scope.machine, case .running(let start) = life(of: number) {
                "\(machine)-\(start)"
            } else {
                "unknown"
            }
        return "\(scope.host), process \(number) (\(place).\(random)."
    }()
    private static let count = Atomic<Int>(0)

    /// A new name: host, process, and a part that is another each time.
    @Sendable
    public static func make() -> String {
        // Each flow takes one: put together at once, and not piece by piece.
        let number = String(count.add(1, ordering: .relaxed).newValue)
        let (process, length) = (process.utf8, process.utf8.count + number.utf8.count + 1)
        return String(unsafeUninitializedCapacity: length) { bytes in
            var end = bytes.update(fromContentsOf: process)
            end = bytes[end...].update(fromContentsOf: number.utf8)
            bytes[end] = UInt8(ascii: ")")
            return length
        }
    }

    /// Whether a holder is known to have ended, so that nobody needs to wait for its lease.
    ///
    /// Nobody is taken for dead who may live: what ran on a machine of another name, before this one was started, or in
    /// another container is not known; nor is who has a name of an earlier version. Who got the number of a process that
    /// ended is not taken for it, since it was started later.
    ///
    /// Machines that go on from one snapshot under one and the same host name cannot be told apart by this: give each a
    /// name of its own.
    @Sendable
    public static func hasEnded(_ holder: String) -> Bool {
        guard let machine = scope.machine,
            let match = holder.wholeMatch(
                of: #/(?<host>.*), process (?<number>\d+) \((?<machine>[^.]*)-(?<start>\d+)\..*\)/#),
            Scope(host: String(match.host), machine: String(match.machine))
                == Scope(host: scope.host, machine: machine),
            let number = Int32(match.number), number > 0, let start = UInt64(match.start)
        else { return false }
        return switch life(of: number) {
        case .running(let other): other != start
        case .ended: true
        case .unknown: false
        }
    }

    private enum Life {
        /// It was started so many ticks after the machine was.
        case running(since: UInt64)
        case ended
        case unknown
    }

    /// What is known of the process that has a number now.
    ///
    /// Source: proc_pid_stat(5): the name in brackets, which may have brackets in it; then the state is the third field, and
    /// the start the 22nd.
    private static func life(of number: Int32) -> Life {
        guard let text = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8) else {
            // It may be hidden from this user: then it exists, and nothing is known of it.
            return kill(number, 0) != 0 && errno == ESRCH ? .ended : .unknown
        }
        let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].dropFirst().split(separator: " ")
        guard fields.count > 19, let start = UInt64(fields[19]) else { return .unknown }
        // One that has ended keeps its number until its parent asks for it, which some never do.
        return ["Z", "X"].contains(fields[0]) ? .ended : .running(since: start)
    }
}
