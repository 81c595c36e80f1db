// The fields of libpq's errors are named by character constants, which are functions here.
#ifndef SMARTCONNECTOR_CPOSTGRES_H
#define SMARTCONNECTOR_CPOSTGRES_H

#include <libpq-fe.h>

static inline const char *postgres_sqlstate(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_SQLSTATE);
}

// The severity as it is in English, whatever the server's language.
static inline const char *postgres_severity(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
}

static inline const char *postgres_message(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
}

#endif
