#if THREAD_SANITIZER
    import Synchronization

    /// A `Mutex` that ThreadSanitizer can see.
    ///
    /// Where several threads want a `Mutex` at once, the one that waited takes it over in the library, which is not
    /// instrumented: the sanitizer misses that it waited and reports races that are none. Inside the lock an atomic is
    /// read at the beginning and written at the end; that says nothing but what the lock guarantees anyhow.
    package struct Guarded<Value: ~Copyable>: ~Copyable {
        private let mutex: Mutex<Value>
        private let order = Atomic<UInt8>(0)

        package init(_ value: consuming sending Value) {
            mutex = Mutex(value)
        }

        package borrowing func withLock<R: ~Copyable, E: Error>(
            _ body: (inout sending Value) throws(E) -> sending R
        ) throws(E) -> sending R {
            try mutex.withLock { value throws(E) in
                _ = order.load(ordering: .acquiring)
                defer { order.store(1, ordering: .releasing) }
                return try body(&value)
            }
        }
    }

    // As `Mutex` is: the value is reached under the lock alone, and what goes in and comes out is `sending`.
    extension Guarded: @unchecked Sendable where Value: ~Copyable {}
#else
    package import Synchronization

    /// A value behind a lock.
    package typealias Guarded = Mutex
#endif
