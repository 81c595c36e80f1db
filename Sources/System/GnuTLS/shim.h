// What of GnuTLS is a macro, or an enum that Swift sees as another type, is a function here.
#ifndef SMARTCONNECTOR_CGNUTLS_H
#define SMARTCONNECTOR_CGNUTLS_H

#include <gnutls/gnutls.h>

static inline int tls_session_init(gnutls_session_t *session) {
    return gnutls_init(session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
}

// Whether the call is to be made again when the socket can go on.
static inline int tls_is_waiting(ssize_t status) {
    return status == GNUTLS_E_AGAIN || status == GNUTLS_E_INTERRUPTED;
}

static inline int tls_wants_to_write(gnutls_session_t session) {
    return gnutls_record_get_direction(session) == 1;
}

static inline int tls_is_fatal(ssize_t status) { return gnutls_error_is_fatal((int)status); }

static inline int tls_bye(gnutls_session_t session) { return gnutls_bye(session, GNUTLS_SHUT_WR); }

static inline int tls_load(gnutls_certificate_credentials_t credentials, const unsigned char *certificate,
                           unsigned int certificate_size, const unsigned char *key, unsigned int key_size) {
    gnutls_datum_t chain = {(unsigned char *)certificate, certificate_size};
    gnutls_datum_t secret = {(unsigned char *)key, key_size};
    return gnutls_certificate_set_x509_key_mem2(credentials, &chain, &secret, GNUTLS_X509_FMT_PEM, NULL, 0);
}

static inline int tls_use(gnutls_session_t session, gnutls_certificate_credentials_t credentials) {
    return gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
}

static inline int tls_only_http_1(gnutls_session_t session) {
    gnutls_datum_t protocol = {(unsigned char *)"http/1.1", 8};
    return gnutls_alpn_set_protocols(session, &protocol, 1, 0);
}

#endif
