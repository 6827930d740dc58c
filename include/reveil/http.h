/* SPDX-License-Identifier: MIT */
/*
 * http.h - HTTP/1.1 without I/O: an incremental parser for requests and
 * responses, and URLs.
 *
 *     rv_http_parser_init(&parser, RV_HTTP_RESPONSE, NULL);
 *     at = rv_http_parse_head(&parser, text, len);     -EAGAIN: read more
 *     while (at >= 0 && !parser.done && (size_t)at < len) {
 *         used = rv_http_parse_body(&parser, text + at, len - (size_t)at,
 *                                   &piece);
 *         if (used < 0)
 *             break;
 *         fwrite(text + at + piece.at, 1, piece.len, stdout);
 *         at += used;
 *     }
 *     ... parser.done: the message is complete
 *
 * The parser does not copy: it returns slices of the caller's buffer. The input
 * may arrive in pieces of any size, and the result does not depend on them.
 * Input that two parsers could understand differently is refused, because that
 * is how request smuggling works: both a length and chunks, two lengths, a bare
 * LF, white space before a colon, junk in or after a chunk size, a target that
 * is neither a path nor a URL, and so on.
 *
 * http_client.h fetches a URL with it; http_server.h answers requests.
 * Source: RFC 9110 and RFC 9112.
 */
#ifndef RV_HTTP_H
#define RV_HTTP_H

#include <reveil/export.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

RV_BEGIN_DECLS

/* The `len` bytes at `buffer + at`. Not NUL-terminated. */
struct rv_http_slice {
    uint32_t at;
    uint32_t len;
};

struct rv_http_header {
    struct rv_http_slice name;
    struct rv_http_slice value; /* without surrounding white space */
};

/* The largest accepted sizes, line ends included. Beyond a limit: -EMSGSIZE. */
struct rv_http_limits {
    uint32_t line_bytes; /* the start line, a header line, a chunk-size line */
    uint32_t head_bytes; /* start line and headers; also all trailers */
    uint32_t headers;    /* their number, at most RV_HTTP_HEADERS; also of
                            trailers */
    uint64_t body_bytes; /* the decoded body */
};

enum { RV_HTTP_HEADERS = 64 };

/* 8 KiB per line, 32 KiB per head, 64 headers, 1 GiB of body. */
extern const struct rv_http_limits rv_http_default_limits;

enum rv_http_kind { RV_HTTP_REQUEST, RV_HTTP_RESPONSE };

/* How the end of the body is determined. */
enum rv_http_framing {
    RV_HTTP_NO_BODY,
    RV_HTTP_LENGTH,
    RV_HTTP_CHUNKED,
    RV_HTTP_UNTIL_CLOSE
};

/* Filled in by rv_http_parse_head(). The slices refer to its buffer. */
struct rv_http_head {
    struct rv_http_slice method; /* request */
    struct rv_http_slice target; /* request; one of the four forms */
    struct rv_http_slice reason; /* response; may be empty */
    int status;                  /* response: 100..999 */
    int minor;                   /* HTTP/1.<minor>: 0 or 1 */
    enum rv_http_framing framing;
    uint64_t content_length; /* with RV_HTTP_LENGTH, else 0 */
    bool keep_alive;         /* the connection may be reused */
    bool expect_continue;    /* request: the client waits for a 100 */
    uint32_t header_count;
    struct rv_http_header headers[RV_HTTP_HEADERS]; /* header_count valid */
};

struct rv_http_parser {
    struct rv_http_head head;
    bool done; /* the message is complete */

    /* Private. */
    enum rv_http_kind kind;
    struct rv_http_limits limits;
    bool answers_head_request;
    int state;
    int error;           /* every later call returns it */
    uint32_t pos;        /* the head was searched up to here */
    uint32_t line_start; /* of the current line */
    uint64_t remaining;  /* bytes of the body, of the chunk, or of the limit */
    uint64_t body_bytes; /* total size of the chunks so far */
    uint32_t line_bytes; /* length so far of a chunk-size or trailer line */
    uint32_t trailer_bytes;
    uint32_t trailers;
};

/* Prepare for a new message. limits: copied. NULL: the defaults. */
void rv_http_parser_init(struct rv_http_parser *parser, enum rv_http_kind kind,
                         const struct rv_http_limits *limits);

/* The next response answers a HEAD request: it has no body, whatever its
 * headers say. Call this before the head is parsed. */
void rv_http_parser_answers_head(struct rv_http_parser *parser);

/*
 * Parse the start line and the headers. `buffer` begins with the message. At
 * each call it must hold the same bytes as at the last one, with more appended;
 * its address may change. Bytes that were parsed are not parsed again.
 *
 * Returns: the length of the head, which is where the body starts; -EAGAIN:
 * more input is needed; -EBADMSG: malformed; -EMSGSIZE: a limit was exceeded;
 * -ENOTSUP: not HTTP/1.x, or a transfer coding other than chunked. After an
 * error every later call returns the same error. A 1xx response is followed by
 * the real one: init the parser again for that.
 */
ssize_t rv_http_parse_head(struct rv_http_parser *parser, const char *buffer,
                           size_t len);

/*
 * Continue in the body. Sets `body` to the next piece of decoded data within
 * `data`; it is empty while chunk-size lines and trailers are consumed. Call it
 * again with the rest, until nothing is left or `parser->done` is true. A
 * message without a body is done after its head; a further call does nothing.
 *
 * Returns: the number of bytes consumed, never beyond the end of the message;
 * -EBADMSG, -EMSGSIZE: as above; -EINVAL: the head is not complete yet.
 */
ssize_t rv_http_parse_body(struct rv_http_parser *parser, const char *data,
                           size_t len, struct rv_http_slice *body);

/*
 * The connection ended here. Returns: 0: that is a valid end of the message,
 * and parser->done is true; -EPIPE: the message is truncated, or has not begun;
 * or the earlier error of the parser.
 */
int rv_http_parse_eof(struct rv_http_parser *parser);

/*
 * The value of the first header with this name, in any case of its letters, or
 * NULL. Borrows: the result is part of *head.
 */
const struct rv_http_slice *rv_http_find_header(const struct rv_http_head *head,
                                                const char *buffer,
                                                const char *name);

/* True if the slice equals `text`, ignoring case. */
bool rv_http_slice_is(struct rv_http_slice slice, const char *buffer,
                      const char *text);

/*
 * Decode "%41" and the like, of a parameter or a part of a query. `out` is
 * NUL-terminated, and may be `text`.
 *
 * plus: "+" stands for a blank, as in the queries of HTML forms.
 * Returns: the length; -EINVAL: not two hexadecimal digits, or a NUL;
 * -EMSGSIZE: it does not fit into `size` bytes.
 */
ssize_t rv_http_decode(char *out, size_t size, const char *text, size_t len,
                       bool plus);

/* The standard reason phrase of a status: "Not Found"; "" if unknown. */
const char *rv_http_reason(int status);

/* Whether a GET with max_redirects follows this status, to its Location: 301,
 * 302, 303, 307 and 308. */
bool rv_http_is_redirect(int status);

/* --- URLs -------------------------------------------------------------- */

/* Too large for the stack of a coroutine: the target alone has 8 KiB. */
struct rv_http_url {
    char host[256]; /* without the brackets of an IPv6 address */
    uint16_t port;
    bool https;        /* private */
    char target[8192]; /* path and query; "/" if the URL has none */
};

/*
 * Parse "http://host[:port][/path]". A fragment is dropped.
 *
 * Returns: 0; -EPROTONOSUPPORT: another scheme, including https; -EINVAL: not a
 * URL, or it has a user name or characters that a request line cannot carry;
 * -ENAMETOOLONG.
 */
int rv_http_url_parse(struct rv_http_url *out, const char *text);

/*
 * Resolve a reference relative to `base`, such as the Location of a redirect:
 * "http://host/path", "//host/path", "/path", "path", "../path", "?query" or
 * "". Dot segments in the path are removed, and a fragment is dropped.
 * Characters that a request line cannot carry are encoded as browsers do it:
 * blanks and non-ASCII bytes become "%20" and the like, a backslash in the path
 * becomes a slash, and surrounding blanks are dropped. Control characters are
 * refused. `out` may be `base`.
 *
 * Returns: as rv_http_url_parse(). On error *out is unchanged.
 * Source: RFC 3986, section 5.2; the URL standard of WHATWG, section 4.4.
 */
int rv_http_url_join(struct rv_http_url *out, const struct rv_http_url *base,
                     const char *reference);

enum { RV_HTTP_URL_TEXT = 8480 }; /* fits any URL and its NUL */

/*
 * Format as "http://host:port/path", NUL-terminated; without the port if that
 * is 80.
 *
 * Returns: the length, without the NUL.
 */
size_t rv_http_url_format(const struct rv_http_url *url,
                          char text[RV_HTTP_URL_TEXT]);

RV_END_DECLS

#endif /* RV_HTTP_H */
