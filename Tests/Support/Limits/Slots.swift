import Foundation

/// How many cases of tests run at a time: enough to keep the processors busy while some wait, and few enough that each gets
/// on. All that there are at once would take turns until the last of them is over its limit.
actor Slots {
    static let shared = Slots(4 * ProcessInfo.processInfo.activeProcessorCount)

    /// Whether this task has one: what runs inside of a case needs none of its own.
    @TaskLocal private static var isHeld = false

    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) {
        free = count
    }

    /// Does something when it is its turn, those first that have waited for longest.
    nonisolated func during(_ body: () async throws -> Void) async throws {
        if Self.isHeld { return try await body() }
        await take()
        do {
            try await Self.$isHeld.withValue(true) { try await body() }
        } catch {
            await give()
            throw error
        }
        await give()
    }

    private func take() async {
        guard free == 0 else {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func give() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
