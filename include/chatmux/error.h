/* SPDX-License-Identifier: MIT */
/*
 * Every status that chatmux returns. Zero is success, positive means "no error, not finished",
 * negative is an error; the hundred of an error says who must act (enum cmx_error_class). The list
 * below is the only one: names, texts and classes come from it. Codes are never renumbered.
 */
#ifndef CHATMUX_ERROR_H
#define CHATMUX_ERROR_H

/* A result that is dropped is a failure that is hidden. */
#if defined(__GNUC__)
#define CMX_MUST_CHECK __attribute__((warn_unused_result))
#else
#define CMX_MUST_CHECK
#endif

#define CMX_OK 0    /* done */
#define CMX_AGAIN 1 /* nothing now; call again when the descriptor is ready or the time is due */
#define CMX_IDLE 2  /* nothing is in flight: no event will come until another request is started */

/* X(name, code, text). The text is a whole sentence that says what to do. */
#define CMX_ERROR_LIST(X)                                                                          \
    X(CONFIG, -101, "a field of the configuration is out of range; see the field named")           \
    X(ARGUMENT, -102, "an argument is missing or out of range; see the field named")               \
    X(HANDLE, -103, "this id is not in use any more; forget it after its DONE event")              \
    X(URL, -105, "the base URL must be http(s)://host[:port][/path] without spaces or secrets")    \
    X(HEADER, -106, "a header name or value has a byte that HTTP does not allow")                  \
    X(KEY, -107, "the key has a byte that HTTP does not allow, such as a line break")              \
    X(UTF8, -108, "a text of the request is not valid UTF-8")                                      \
    X(JSON, -109, "a field that must hold JSON does not; see the field named")                     \
    X(BODY_CHANGED, -110, "the messages changed while they were borrowed; keep them until DONE")   \
    X(MEMORY_SMALL, -111, "the memory block is too small; see cmx_client_bytes()")                 \
    X(MEMORY_ALIGN, -112, "the memory block is NULL or not aligned; declare it with CMX_BLOCK")    \
    X(PORT_CONFLICT, -113, "another client of this process uses a different port")                 \
    X(TRUST, -114, "no usable CA certificate was found where the origin says")                     \
    X(CANCELLED, -150, "the caller cancelled the request")                                         \
    X(BUSY, -201, "a table or queue is full; try again after a DONE event")                        \
    X(NO_BUFFER, -205, "an event was cut and no buffer was free; raise tail_bytes, event_buffers") \
    X(NO_MEMORY, -202, "the memory reserved for connections is used up; enlarge the block")        \
    X(EVENT_LARGE, -203, "an event or answer is larger than its limit; enlarge event_bytes_max")   \
    X(BUFFER_SMALL, -204, "the answer does not fit the caller's buffer; enlarge it")               \
    X(TOOL_CALLS, -206, "the answer has more tool calls than tool_calls_max; enlarge it")          \
    X(RATE, -207, "the request costs more tokens than the rate limit ever allows; ask for fewer")  \
    X(BUDGET, -208, "the budget is used up; raise it with cmx_client_set_budget()")                \
    X(OVERFLOW, -209, "an amount of money is larger than 64 bits of picodollars hold")             \
    X(HTTP2, -301, "the server broke the HTTP/2 protocol")                                         \
    X(ALPN, -302, "the server did not agree to HTTP/2 (ALPN h2); chatmux speaks nothing else")     \
    X(TRUNCATED, -303, "the answer ended before it was complete")                                  \
    X(MALFORMED, -304, "the answer is not what a chat completion looks like")                      \
    X(STREAM_RESET, -305, "the server reset the stream; see the HTTP/2 error code")                \
    X(STREAM_REFUSED, -306, "the server refused the stream without processing it; safe to retry")  \
    X(GOAWAY, -307, "the server is closing the connection; the request may be retried")            \
    X(HTTP_STATUS, -308, "the server answered with an error status; see status and message")       \
    X(INBAND, -309, "the server reported an error inside the answer; see the message")             \
    X(EMPTY, -310, "the server ended the answer without any content")                              \
    X(HEAD_LARGE, -311, "the response head is larger than allowed")                                \
    X(REDIRECT, -312, "the server redirects, which is never followed; correct the base URL")       \
    X(DNS_NOT_FOUND, -401, "the host name does not exist; check the base URL")                     \
    X(DNS_FAILED, -402, "the host name could not be resolved now; check the network and retry")    \
    X(REFUSED, -403, "the connection was refused; is the server listening on this port?")          \
    X(RESET, -404, "the connection was reset")                                                     \
    X(UNREACHABLE, -405, "the network or host cannot be reached")                                  \
    X(CLOSED, -406, "the server closed the connection")                                            \
    X(NETWORK, -407, "the network failed")                                                         \
    X(PROXY, -408, "the proxy refused the tunnel; check proxy_url and what the proxy allows")      \
    X(PROXY_AUTH, -409, "the proxy wants a user and a password; check proxy_key")                  \
    X(TIMEOUT_RESOLVE, -420, "resolving the host name took longer than resolve_timeout_ms")        \
    X(TIMEOUT_CONNECT, -421, "connecting took longer than connect_timeout_ms")                     \
    X(TIMEOUT_TLS, -422, "the TLS handshake took longer than tls_timeout_ms")                      \
    X(TIMEOUT_SETTINGS, -423, "the server sent no SETTINGS within settings_timeout_ms")            \
    X(TIMEOUT_QUEUE, -424, "no connection had room within queue_timeout_ms")                       \
    X(TIMEOUT_HEAD, -425, "no response head came within head_timeout_ms")                          \
    X(TIMEOUT_FIRST_TOKEN, -426, "no token came within first_token_timeout_ms")                    \
    X(TIMEOUT_PROGRESS, -427, "the answer stopped for longer than progress_timeout_ms")            \
    X(TIMEOUT_TOTAL, -428, "the request took longer than total_timeout_ms")                        \
    X(TIMEOUT_PING, -429, "the connection stopped answering within ping_timeout_ms")               \
    X(TIMEOUT_WRITE, -430, "the connection took no bytes for longer than write_timeout_ms")        \
    X(TIMEOUT_DRAIN, -431, "the connection was replaced and not done within drain_timeout_ms")     \
    X(TLS, -501, "the TLS handshake failed; needed: TLS 1.3 and no client certificate")            \
    X(CERT_UNTRUSTED, -502, "no trusted CA signed the server's certificate; check the CA file")    \
    X(CERT_HOST, -503, "the certificate is for another host name or address")                      \
    X(CERT_EXPIRED, -504, "the certificate has expired; check the server and the clock")           \
    X(CERT_NOT_YET, -505, "the certificate is not valid yet; check this device's clock")           \
    X(CERT_INVALID, -506, "the server's certificate or chain is not acceptable")                   \
    X(TLS_TRUNCATED, -507, "the connection ended without TLS close_notify")                        \
    X(INTERNAL, -901, "chatmux contradicts itself; please report this")                            \
    X(PORT, -902, "the port does not support this or returned a value outside its contract")

enum cmx_error {
#define CMX_ERROR_ENUM(name, code, text) CMX_ERR_##name = (code),
    CMX_ERROR_LIST(CMX_ERROR_ENUM)
#undef CMX_ERROR_ENUM
};

/* Who must act on an error. */
enum cmx_error_class {
    CMX_CLASS_NONE,     /* not an error */
    CMX_CLASS_USAGE,    /* -1xx: fix the call or the configuration */
    CMX_CLASS_LIMIT,    /* -2xx: slow down or enlarge a limit */
    CMX_CLASS_PEER,     /* -3xx: the server misbehaved or refused */
    CMX_CLASS_NETWORK,  /* -4xx: retry later or elsewhere */
    CMX_CLASS_TLS,      /* -5xx: do not retry blindly; somebody must look */
    CMX_CLASS_INTERNAL, /* -9xx: a bug */
};

/* Returns the class of a status; CMX_CLASS_NONE for zero and positive values. */
enum cmx_error_class cmx_error_class(int status);

/* Returns the name of a status, such as "CMX_ERR_CERT_HOST"; a static string, never NULL. */
const char *cmx_error_name(int status);

/* Returns one sentence that says what happened and what to do; a static string, never NULL. */
const char *cmx_error_text(int status);

#endif
