/* SPDX-License-Identifier: MIT */
/*
 * http.h - HTTP/1.1 without I/O: a resumable parser for both sides.
 *
 *     rv_http_parser_init(&parser, RV_HTTP_RESPONSE, NULL);
 *     head = rv_http_parse_head(&parser, buffer, len);     -EAGAIN: read more
 *     used = rv_http_parse_body(&parser, data, len, &body);  until parser.done
 *
 * The parser never copies and never reads ahead: what it returns are places
 * in the caller's buffer. It may be fed in any pieces. Anything on which two
 * parsers could disagree (both a length and chunks, two lengths, a bare LF,
 * white space before a colon, junk in a chunk size or behind it, a target that
 * is neither path nor URL, ...) is refused.
 *
 * http_client.h fetches a URL with it, http_server.h answers requests.
 * Source: RFC 9110 and RFC 9112.
 */
#ifndef RV_HTTP_H
#define RV_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* `len` bytes at `buffer + at`. */
struct rv_http_slice {
    uint32_t at;
    uint32_t len;
};

struct rv_http_header {
    struct rv_http_slice name;
    struct rv_http_slice value; /* without white space around it */
};

/* What a message may cost, line ends included. Beyond a limit: -EMSGSIZE. */
struct rv_http_limits {
    uint32_t line_bytes; /* the start line, a header line, a chunk-size line */
    uint32_t head_bytes; /* start line and headers; also all trailers */
    uint32_t headers;    /* their number, at most RV_HTTP_HEADERS; also of
                            trailers */
    uint64_t body_bytes; /* the decoded body */
};

enum { RV_HTTP_HEADERS = 64 };

/* 8 KiB a line, 32 KiB a head, 64 headers, 1 GiB of body. */
extern const struct rv_http_limits rv_http_default_limits;

enum rv_http_kind { RV_HTTP_REQUEST, RV_HTTP_RESPONSE };

/* How the end of the body is found. */
enum rv_http_framing {
    RV_HTTP_NO_BODY,
    RV_HTTP_LENGTH,
    RV_HTTP_CHUNKED,
    RV_HTTP_UNTIL_CLOSE
};

/* Filled by rv_http_parse_head(); slices are places in its buffer. */
struct rv_http_head {
    struct rv_http_slice method; /* request */
    struct rv_http_slice target; /* request; of one of the four forms */
    struct rv_http_slice reason; /* response; may be empty */
    int status;                  /* response: 100..999 */
    int minor;                   /* HTTP/1.<minor>: 0 or 1 */
    enum rv_http_framing framing;
    uint64_t content_length; /* of RV_HTTP_LENGTH, else 0 */
    bool keep_alive;         /* the connection may be used again */
    bool expect_continue;    /* request: the client waits for a 100 */
    uint32_t header_count;
    struct rv_http_header headers[RV_HTTP_HEADERS]; /* never zeroed */
};

struct rv_http_parser {
    struct rv_http_head head;
    bool done; /* the whole message was parsed */

    /* Private. */
    enum rv_http_kind kind;
    struct rv_http_limits limits;
    bool answers_head_request;
    int state;
    int error;           /* sticky: every later call returns it */
    uint32_t pos;        /* of the head, searched so far; never goes back */
    uint32_t line_start; /* of the line being parsed */
    uint64_t remaining;  /* of the body, of the chunk, or of the limit */
    uint64_t body_bytes; /* of the chunks announced so far */
    uint32_t line_bytes; /* of the chunk-size or trailer line so far */
    uint32_t trailer_bytes;
    uint32_t trailers;
};

/* Ready for a new message. limits: copied; NULL for the default ones. */
void rv_http_parser_init(struct rv_http_parser *parser, enum rv_http_kind kind,
                         const struct rv_http_limits *limits);

/* The response to come answers a HEAD request: it has no body whatever its
 * headers say. Call it before the head is parsed. */
void rv_http_parser_answers_head(struct rv_http_parser *parser);

/*
 * Parse the start line and the headers. `buffer` starts with the message and
 * holds at each call what it held at the last one, and more behind it; it may
 * have moved in memory. Work done is not done again.
 *
 * Returns: the length of the head (the body starts there); -EAGAIN: more is
 * needed; -EBADMSG: malformed; -EMSGSIZE: a limit; -ENOTSUP: not HTTP/1.x, or
 * a transfer coding other than chunked. An error stays: every later call
 * returns it too. A line is judged when it is whole.
 * After a response of 1xx, init the parser again: the real one follows.
 */
ssize_t rv_http_parse_head(struct rv_http_parser *parser, const char *buffer,
                           size_t len);

/*
 * Parse on in the body. `body` is the next piece of it within `data`, which
 * may be empty (its length 0) while chunk lines and trailers are consumed.
 * Call it again with the rest until nothing is left or `parser->done`. A
 * message without a body is done with its head; a call is harmless then.
 *
 * Returns: bytes consumed; never beyond the end of the message. -EBADMSG,
 * -EMSGSIZE as above; -EINVAL: the head is not whole yet.
 */
ssize_t rv_http_parse_body(struct rv_http_parser *parser, const char *data,
                           size_t len, struct rv_http_slice *body);

/*
 * The connection ended here. Returns: 0 if that is an end of this message
 * (parser->done is true then), -EPIPE if it was cut (also before its first
 * byte), or the error that the parser has met already.
 */
int rv_http_parse_eof(struct rv_http_parser *parser);

/*
 * The value of a header, by name (case does not matter), or NULL. With more
 * than one of that name: the first.
 */
const struct rv_http_slice *rv_http_find_header(const struct rv_http_head *head,
                                                const char *buffer,
                                                const char *name);

/* The slice is this text, in any case of its letters. */
bool rv_http_slice_is(struct rv_http_slice slice, const char *buffer,
                      const char *text);

/* The standard words of a status, such as "Not Found"; "" if unknown. */
const char *rv_http_reason(int status);

/* --- URLs -------------------------------------------------------------- */

/* Large for the stack of a coroutine: 8 KiB of target. */
struct rv_http_url {
    char host[256]; /* without the brackets of an IPv6 address */
    uint16_t port;
    char target[8192]; /* path and query; "/" if there is none */
};

/*
 * Split "http://host[:port][/path]"; a fragment is left off.
 *
 * Returns: 0; -EPROTONOSUPPORT: another scheme, https too; -EINVAL: no URL,
 * or characters in it that a request line cannot carry, or a user name;
 * -ENAMETOOLONG.
 */
int rv_http_url_parse(struct rv_http_url *out, const char *text);

/*
 * Where a reference in a document at `base` leads, such as the Location of a
 * redirect: "http://host/path", "//host/path", "/path", "path", "../path",
 * "?query" or "". Dots in the path are resolved, a fragment is left off. What a
 * request line cannot carry is written as a browser does: a blank as "%20",
 * bytes beyond ASCII the same way, a backslash in the path as a slash; blanks
 * around it are left off. Control characters are refused. `out` may be `base`.
 *
 * Returns: as rv_http_url_parse(); on error *out is unchanged.
 * Source: RFC 3986, section 5.2; the URL standard of WHATWG, section 4.4.
 */
int rv_http_url_join(struct rv_http_url *out, const struct rv_http_url *base,
                     const char *reference);

enum { RV_HTTP_URL_TEXT = 8480 }; /* more than any URL as text, with the 0 */

/*
 * "http://host:port/path" again, as text that ends with a 0; without the port
 * if it is 80.
 *
 * Returns: its length, without the 0.
 */
size_t rv_http_url_format(const struct rv_http_url *url,
                          char text[RV_HTTP_URL_TEXT]);

#endif /* RV_HTTP_H */
