import Foundation
import Synchronization

/// Names for those who hold leases, from which others on the same machine can tell whether they still run.
public enum LeaseHolder {
    /// This machine's present run, as far as process numbers mean the same in it: another after each start, and in each
    /// container.
    private static let machine: String? = {
        #if os(Linux)
            guard let boot = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8),
                let namespace = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")
            else { return nil }
            let start = boot.prefix { $0 != "-" }
            return "\(start)-\(namespace.filter(\.isNumber))"
        #else
            return nil
        #endif
    }()

    /// The part that all names of this process have in common.
    private static let process: String = {
        let info = ProcessInfo.processInfo
        let random = String(UInt32.random(in: .min ... .max), radix: 36)
        return "\(info.hostName), process \(info.processIdentifier) (\(machine ?? "unknown").\(random)."
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

    /// Whether a holder is known to have ended, so that nobody needs to wait for its lease. What runs on another machine
    /// is not known; a process that got the number of one that ended is taken for it.
    @Sendable
    public static func hasEnded(_ holder: String) -> Bool {
        guard let machine,
            let match = holder.wholeMatch(of: #/.*, process (?<number>\d+) \((?<machine>[^.]*)\..*\)/#),
            match.machine == machine, let number = Int32(match.number), number > 0
        else { return false }
        if kill(number, 0) != 0 { return errno == ESRCH }
        // One that has ended keeps its number until its parent asks for it, which some never do.
        let status = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8)
        return status?.split(separator: ")").last?.hasPrefix(" Z") ?? false
    }
}
