import Foundation
import SmartConnector
import Synchronization

/// The moments of a process's life at which it may die: before and after all that outlives it, and where it reads.
final class PersistencePoints: Sendable {
    private let world: World
    private let fatal: Int
    private let isSurvived: Bool
    private let meanwhile: (@Sendable () -> Void)?
    private let names = Guarded<[String]>([])

    /// - Parameters:
    ///   - fatal: At which point the process dies, counted from 1; 0 for never.
    ///   - isSurvived: Whether it goes on after all.
    ///   - meanwhile: What happens at that point before it dies, or goes on.
    init(_ world: World, fatal: Int, isSurvived: Bool = false, meanwhile: (@Sendable () -> Void)? = nil) {
        self.world = world
        self.fatal = fatal
        self.isSurvived = isSurvived
        self.meanwhile = meanwhile
    }

    var all: [String] { names.withLock { $0 } }

    func pass(_ name: String) {
        let count = names.withLock { names in
            names.append(name)
            return names.count
        }
        guard count == fatal else { return }
        meanwhile?()
        if isSurvived { return world.append("\(count) not \(name)", to: .deaths) }
        world.append("\(count) \(name)", to: .deaths)
        kill(getpid(), SIGKILL)
        // The signal is not waited for.
        while true { sleep(1) }
    }

    /// Reads something: one point, since nothing is another after it.
    func reading<T>(_ name: String, _ body: () async throws -> T) async throws -> T {
        pass("before " + name)
        return try await body()
    }

    /// Does something that outlives the process.
    func around<T>(_ name: String, _ body: () async throws -> T) async throws -> T {
        pass("before " + name)
        let result = try await body()
        pass("after " + name)
        return result
    }
}
