// libcurl takes options and gives what it knows through variable arguments, which Swift cannot pass: here is a function for
// each type.
#ifndef SMARTCONNECTOR_CCURL_H
#define SMARTCONNECTOR_CCURL_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

typedef size_t (*transfer_data)(char *bytes, size_t size, size_t count, void *context);
typedef int (*transfer_seek)(void *context, curl_off_t offset, int origin);
typedef int (*transfer_progress)(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                                 curl_off_t up);

static inline CURLcode transfer_set_long(CURL *transfer, CURLoption option, long value) {
    return curl_easy_setopt(transfer, option, value);
}

static inline CURLcode transfer_set_size(CURL *transfer, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(transfer, option, value);
}

static inline CURLcode transfer_set_text(CURL *transfer, CURLoption option, const char *value) {
    return curl_easy_setopt(transfer, option, value);
}

static inline CURLcode transfer_set_headers(CURL *transfer, struct curl_slist *headers) {
    return curl_easy_setopt(transfer, CURLOPT_HTTPHEADER, headers);
}

// What each callback is given as its context.
static inline void transfer_set_callbacks(CURL *transfer, void *context, transfer_data header, transfer_data write,
                                          transfer_progress progress) {
    curl_easy_setopt(transfer, CURLOPT_HEADERDATA, context);
    curl_easy_setopt(transfer, CURLOPT_HEADERFUNCTION, header);
    curl_easy_setopt(transfer, CURLOPT_WRITEDATA, context);
    curl_easy_setopt(transfer, CURLOPT_WRITEFUNCTION, write);
    curl_easy_setopt(transfer, CURLOPT_XFERINFODATA, context);
    curl_easy_setopt(transfer, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(transfer, CURLOPT_NOPROGRESS, 0L);
}

static inline void transfer_set_body(CURL *transfer, void *context, transfer_data read, transfer_seek seek) {
    curl_easy_setopt(transfer, CURLOPT_READDATA, context);
    curl_easy_setopt(transfer, CURLOPT_READFUNCTION, read);
    curl_easy_setopt(transfer, CURLOPT_SEEKDATA, context);
    curl_easy_setopt(transfer, CURLOPT_SEEKFUNCTION, seek);
}

static inline long transfer_get_long(CURL *transfer, CURLINFO info) {
    long value = 0;
    return curl_easy_getinfo(transfer, info, &value) == CURLE_OK ? value : 0;
}

static inline CURLMcode transfers_set_long(CURLM *transfers, CURLMoption option, long value) {
    return curl_multi_setopt(transfers, option, value);
}

// The next transfer that has come to its end; NULL where there is none.
static inline CURL *transfers_ended(CURLM *transfers, CURLcode *result) {
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(transfers, &left))) {
        if (message->msg == CURLMSG_DONE) {
            *result = message->data.result;
            return message->easy_handle;
        }
    }
    return NULL;
}

static const long transfer_http2_over_tls = CURL_HTTP_VERSION_2TLS;
static const long transfer_tls_1_2 = CURL_SSLVERSION_TLSv1_2;
static const int transfer_seek_done = CURL_SEEKFUNC_OK;
static const int transfer_seek_refused = CURL_SEEKFUNC_FAIL;

#endif
