// libmicrohttpd's starter takes its options as variable arguments, which Swift cannot pass, and its constants are enums
// of several types. Here they are functions.
#ifndef SMARTCONNECTOR_CMICROHTTPD_H
#define SMARTCONNECTOR_CMICROHTTPD_H

#include <microhttpd.h>

static const enum MHD_Result http_yes = MHD_YES;
static const enum MHD_Result http_no = MHD_NO;

static inline int http_was_completed(enum MHD_RequestTerminationCode code) {
    return code == MHD_REQUEST_TERMINATED_COMPLETED_OK;
}

static inline int http_was_opened(enum MHD_ConnectionNotificationCode code) {
    return code == MHD_CONNECTION_NOTIFY_STARTED;
}

struct http_daemon_options {
    int listen_socket;
    unsigned int connection_limit;
    unsigned int timeout_seconds;
    size_t memory_per_connection;
    unsigned int threads;
    const char *tls_key;         // PEM, or NULL for no TLS
    const char *tls_certificate; // PEM
};

typedef enum MHD_Result (*http_handler)(void *context, struct MHD_Connection *connection, const char *url,
                                        const char *method, const char *version, const char *upload,
                                        size_t *upload_size, void **request);
typedef void (*http_completed)(void *context, struct MHD_Connection *connection, void **request,
                               enum MHD_RequestTerminationCode code);
typedef void (*http_connected)(void *context, struct MHD_Connection *connection, void **socket_context,
                               enum MHD_ConnectionNotificationCode code);

// Paths and parameters are decoded in Swift, after they have been taken apart.
static inline size_t http_leave_escaped(void *context, struct MHD_Connection *connection, char *text) {
    (void)context;
    (void)connection;
    size_t length = 0;
    while (text[length]) length++;
    return length;
}

static inline struct MHD_Daemon *http_daemon_start(struct http_daemon_options options, void *context,
                                                   http_handler handler, http_completed completed,
                                                   http_connected connected) {
    unsigned int flags = MHD_ALLOW_SUSPEND_RESUME | MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO;
    struct MHD_OptionItem items[4];
    int count = 0;
    if (options.tls_key) {
        flags |= MHD_USE_TLS;
        items[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)options.tls_key};
        items[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)options.tls_certificate};
    }
    if (options.threads > 1)
        items[count++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, options.threads, NULL};
    items[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(flags, 0, NULL, NULL, handler, context,
                            MHD_OPTION_LISTEN_SOCKET, options.listen_socket,
                            MHD_OPTION_CONNECTION_LIMIT, options.connection_limit,
                            MHD_OPTION_CONNECTION_TIMEOUT, options.timeout_seconds,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, options.memory_per_connection,
                            MHD_OPTION_NOTIFY_COMPLETED, completed, context,
                            MHD_OPTION_NOTIFY_CONNECTION, connected, context,
                            MHD_OPTION_UNESCAPE_CALLBACK, http_leave_escaped, NULL,
                            MHD_OPTION_ARRAY, items,
                            MHD_OPTION_END);
}

static inline const char *http_header(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static inline void http_headers_each(struct MHD_Connection *connection, MHD_KeyValueIteratorN each, void *context) {
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, each, context);
}

static inline void http_query_each(struct MHD_Connection *connection, MHD_KeyValueIteratorN each, void *context) {
    MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, each, context);
}

static inline int http_connection_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

static inline void *http_connection_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static inline struct MHD_Response *http_response(const void *body, size_t size) {
    return MHD_create_response_from_buffer(size, (void *)body, MHD_RESPMEM_MUST_COPY);
}

static inline int http_has_tls(void) {
    return MHD_is_feature_supported(MHD_FEATURE_TLS) == MHD_YES;
}

#endif
