#include <sqlite3.h>

/// Binds a copy of a text: SQLITE_TRANSIENT is a cast that Swift does not import.
static inline int csqlite_bind_text(sqlite3_stmt *statement, int index, const char *text, int length) {
    return sqlite3_bind_text(statement, index, text, length, SQLITE_TRANSIENT);
}

/// Has SQLite refuse what only a damaged or a hostile file needs: its settings take a varying number of arguments, which
/// Swift does not call. See https://www.sqlite.org/security.html.
static inline int csqlite_defend(sqlite3 *database) {
    int status = sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
    return status == SQLITE_OK ? sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)0) : status;
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
