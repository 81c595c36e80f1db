import CSQLite

/// Keeps some megabytes of freed memory in the process.
///
/// Work that comes in bursts frees and takes the same hundred kilobytes again and again. By itself glibc gives them back
/// to the system each time, which took a fifth of the time of many installations at once.
package func keepFreedMemory() {
    csqlite_keep_freed_memory(16 << 20)
}
