/* SPDX-License-Identifier: MIT */
/*
 * message_internal.h - what the files of the parser share.
 *
 *     head.c     the lines of the head    headers.c   what the headers mean
 *     target.c   the forms of a target    body.c      the bytes after the head
 *     url.c      parse and format a URL   url_join.c  resolve a reference
 */
#ifndef RV_HTTP_MESSAGE_INTERNAL_H
#define RV_HTTP_MESSAGE_INTERNAL_H

#include <reveil/http.h>

#include "http/message/url.h"

/*
 * The state of a parser. The head is parsed line by line, because its bytes
 * stay in the caller's buffer until it is complete. The body is parsed byte by
 * byte (but data in one step), because the caller may discard what was
 * consumed.
 */
enum rv_http_parser_state {
    RV_HTTP_AT_FIRST_LINE, /* an empty line may precede the request line */
    RV_HTTP_AT_START_LINE,
    RV_HTTP_AT_HEADER,

    RV_HTTP_AT_DATA,       /* `remaining` bytes, then the message ends */
    RV_HTTP_AT_ENDLESS,    /* until the close; at most `remaining` bytes */
    RV_HTTP_AT_CHUNK_DATA, /* `remaining` bytes, then a CRLF */
    RV_HTTP_AT_CHUNK_CR,   /* the CRLF after the data */
    RV_HTTP_AT_CHUNK_LF,
    RV_HTTP_AT_SIZE_FIRST,  /* a chunk size has at least one digit */
    RV_HTTP_AT_SIZE,        /* `remaining` holds the digits so far */
    RV_HTTP_AT_EXTENSION,   /* after the ";": blanks, then a name */
    RV_HTTP_AT_EXT_NAME,    /* in the name, after its first character */
    RV_HTTP_AT_EXT_BLANK,   /* blanks after the name: "=" or ";" must follow */
    RV_HTTP_AT_EXT_EQUALS,  /* after the "=": blanks, then a value */
    RV_HTTP_AT_EXT_TOKEN,   /* in a value that is a token */
    RV_HTTP_AT_EXT_QUOTED,  /* in a quoted value */
    RV_HTTP_AT_EXT_ESCAPED, /* after a backslash in a quoted value */
    RV_HTTP_AT_EXT_CLOSED,  /* after the closing quote */
    RV_HTTP_AT_EXT_END,     /* blanks after the value: a ";" must follow */
    RV_HTTP_AT_SIZE_LF,     /* the LF of the chunk-size line */
    RV_HTTP_AT_TRAILER,     /* after the last chunk, or after a trailer */
    RV_HTTP_AT_TRAILER_KEY, /* trailers are checked, then discarded */
    RV_HTTP_AT_TRAILER_VALUE,
    RV_HTTP_AT_TRAILER_LF,
    RV_HTTP_AT_LAST_LF /* of the empty line that ends the message */
};

/* Sets of bytes, as bits of rv_http_class. */
enum {
    RV_HTTP_TOKEN = 1,  /* allowed in a method and a header name */
    RV_HTTP_TARGET = 2, /* allowed in a request target: URI characters */
    RV_HTTP_VALUE = 4,  /* allowed in a header value: no control characters */
    RV_HTTP_HOST = 8    /* allowed in a host, with or without a port */
};

extern const uint8_t rv_http_class[256];

/* True if the byte is in this set. */
static inline bool rv_http_in(char byte, int set)
{
    return (rv_http_class[(unsigned char)byte] & set) != 0;
}

/* The length of the longest prefix whose bytes are all in this set. */
static inline uint32_t rv_http_span(const char *text, uint32_t len, int set)
{
    uint32_t n = 0;

    while (n < len && rv_http_in(text[n], set))
        n++;
    return n;
}

/* The slice without leading and trailing spaces and tabs. */
static inline struct rv_http_slice rv_http_trim(struct rv_http_slice slice,
                                                const char *buffer)
{
    const char *text = buffer + slice.at;
    uint32_t from = 0;
    uint32_t to = slice.len;

    while (from < to && (text[from] == ' ' || text[from] == '\t'))
        from++;
    while (to > from && (text[to - 1] == ' ' || text[to - 1] == '\t'))
        to--;
    return (struct rv_http_slice){slice.at + from, to - from};
}

static inline bool rv_http_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static inline bool rv_http_is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* The length of the scheme at the start of the text; 0: there is none. The
 * colon after it is not checked. */
static inline size_t rv_http_scheme_span(const char *text, size_t len)
{
    size_t n = 0;

    if (len == 0 || !rv_http_is_letter(text[0]))
        return 0;
    while (n < len &&
           (rv_http_is_letter(text[n]) || rv_http_is_digit(text[n]) ||
            text[n] == '+' || text[n] == '-' || text[n] == '.'))
        n++;
    return n;
}

/* --- in target.c ------------------------------------------------------- */

/* True for "host" and "host:port"; the digits of the port may be missing. */
bool rv_http_is_authority(const char *text, uint32_t len);

/* True if the target, which must not be empty, has a form that is allowed with
 * this method. */
bool rv_http_is_target(const char *method, uint32_t method_len,
                       const char *text, uint32_t len);

/* --- in url.c; see url.h too ---------------------------------------- */

/*
 * Parse "host" or "host:port". It ends at "/", a backslash, "?", "#", or at
 * `end`.
 *
 * Returns: its length; -EINVAL, -ENAMETOOLONG.
 */
ssize_t rv_http_parse_authority(struct rv_http_url_parts *out, const char *text,
                                const char *end);

/* --- in headers.c ------------------------------------------------------ */

/*
 * The head is complete: determine from its headers how the body ends and
 * whether the connection may be reused. Fills in the rest of parser->head.
 *
 * Returns: 0, -EBADMSG, -EMSGSIZE, -ENOTSUP as rv_http_parse_head().
 */
int rv_http_decide_framing(struct rv_http_parser *parser, const char *buffer);

#endif /* RV_HTTP_MESSAGE_INTERNAL_H */
