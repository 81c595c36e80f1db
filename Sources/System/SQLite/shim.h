#include <sqlite3.h>

/// Binds a copy of a text: SQLITE_TRANSIENT is a cast that Swift does not import.
static inline int csqlite_bind_text(sqlite3_stmt *statement, int index, const char *text, int length) {
    return sqlite3_bind_text(statement, index, text, length, SQLITE_TRANSIENT);
}

// Which library it is, is known only after one of its headers.
#include <limits.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/// Lets the process keep so much freed memory before it gives any back to the system. Where it is not glibc's, nothing.
static inline void csqlite_keep_freed_memory(int bytes) {
#ifdef __GLIBC__
    mallopt(M_TRIM_THRESHOLD, bytes);
    mallopt(M_TOP_PAD, bytes / 16);
#else
    (void)bytes;
#endif
}
