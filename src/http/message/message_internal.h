/* SPDX-License-Identifier: MIT */
/*
 * message_internal.h - what the files of the parser share.
 *
 *     head.c     lines of the head        headers.c  what the headers mean
 *     target.c   the forms of a target    body.c     the bytes behind the head
 *     url.c      "http://..." taken apart
 */
#ifndef RV_HTTP_MESSAGE_INTERNAL_H
#define RV_HTTP_MESSAGE_INTERNAL_H

#include <reveil/http.h>

/*
 * Where a parser is. The head goes line by line, because its bytes stay in
 * the caller's buffer until it is whole. The body goes byte by byte (data in
 * one stride), because the caller may throw away what was consumed.
 */
enum rv_http_parser_state {
    RV_HTTP_AT_FIRST_LINE, /* an empty line may come before a request line */
    RV_HTTP_AT_START_LINE,
    RV_HTTP_AT_HEADER,

    RV_HTTP_AT_DATA,       /* `remaining` bytes, then the message is done */
    RV_HTTP_AT_ENDLESS,    /* at most `remaining` bytes, until the close */
    RV_HTTP_AT_CHUNK_DATA, /* `remaining` bytes, then a CRLF */
    RV_HTTP_AT_CHUNK_CR,   /* the CRLF behind the data */
    RV_HTTP_AT_CHUNK_LF,
    RV_HTTP_AT_SIZE_FIRST,  /* a chunk size has at least one digit */
    RV_HTTP_AT_SIZE,        /* `remaining` holds the digits so far */
    RV_HTTP_AT_EXTENSION,   /* behind the ";": blanks, then a name */
    RV_HTTP_AT_EXT_NAME,    /* in it, of one letter at least */
    RV_HTTP_AT_EXT_BLANK,   /* behind it: a "=" or a ";" has to come */
    RV_HTTP_AT_EXT_EQUALS,  /* behind the "=": blanks, then a value */
    RV_HTTP_AT_EXT_TOKEN,   /* in a value that is a token */
    RV_HTTP_AT_EXT_QUOTED,  /* in one in quotes */
    RV_HTTP_AT_EXT_ESCAPED, /* behind a backslash there */
    RV_HTTP_AT_EXT_CLOSED,  /* behind the closing quote */
    RV_HTTP_AT_EXT_END,     /* blanks behind the value: a ";" has to come */
    RV_HTTP_AT_SIZE_LF,     /* the line of the chunk size ends */
    RV_HTTP_AT_TRAILER,     /* behind the last chunk, or another trailer */
    RV_HTTP_AT_TRAILER_KEY, /* trailers are checked, then forgotten */
    RV_HTTP_AT_TRAILER_VALUE,
    RV_HTTP_AT_TRAILER_LF,
    RV_HTTP_AT_LAST_LF /* of the empty line that ends it all */
};

/* Sets of bytes, as bits of rv_http_class. */
enum {
    RV_HTTP_TOKEN = 1,  /* in a method or the name of a header */
    RV_HTTP_TARGET = 2, /* in a request target: what a URI may have */
    RV_HTTP_VALUE = 4,  /* in a header's value: all but control characters */
    RV_HTTP_HOST = 8    /* in a host, with a port or without one */
};

extern const uint8_t rv_http_class[256];

/* The byte is in this set. */
static inline bool rv_http_in(char byte, int set)
{
    return (rv_http_class[(unsigned char)byte] & set) != 0;
}

/* How many of the first bytes are in this set. */
static inline uint32_t rv_http_span(const char *text, uint32_t len, int set)
{
    uint32_t n = 0;

    while (n < len && rv_http_in(text[n], set))
        n++;
    return n;
}

/* The slice without the spaces and tabs at both of its ends. */
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

/* The length of the scheme that the text begins with, up to its colon, which
 * is not checked; 0: there is none. */
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

/* "host" or "host:port" (whose digits may be missing). */
bool rv_http_is_authority(const char *text, uint32_t len);

/* The target, which is not empty, has a form that the method may have. */
bool rv_http_is_target(const char *method, uint32_t method_len,
                       const char *text, uint32_t len);

/* The path and query of a target: behind the host that "http://host/path"
 * has, whatever the case of "http". May be empty. */
struct rv_http_slice rv_http_origin(const char *bytes,
                                    struct rv_http_slice target);

/* --- in url.c ---------------------------------------------------------- */

/* A URL taken apart: places in its text. */
struct rv_http_url_parts {
    const char *host; /* without the brackets of an IPv6 address */
    size_t host_len;
    uint16_t port;
    bool v6;
    const char *target; /* path and query, as they are: may be empty, or */
    size_t target_len;  /* begin with the "?" */
};

/* Returns: as rv_http_url_parse(). */
int rv_http_url_split(struct rv_http_url_parts *out, const char *text);

/* The parts are places in `url`. */
struct rv_http_url_parts rv_http_parts_of(const struct rv_http_url *url);

/*
 * Take "host:port" apart, which ends at a "/", a backslash, "?", "#" or at
 * `end` of the text.
 *
 * Returns: its length; -EINVAL, -ENAMETOOLONG.
 */
ssize_t rv_http_parse_authority(struct rv_http_url_parts *out, const char *text,
                                const char *end);

/* --- in headers.c ------------------------------------------------------ */

/*
 * The head is whole: find out from its headers where the body ends and
 * whether the connection may be used again. Fills the rest of parser->head.
 *
 * Returns: 0, -EBADMSG, -EMSGSIZE, -ENOTSUP as rv_http_parse_head().
 */
int rv_http_decide_framing(struct rv_http_parser *parser, const char *buffer);

#endif /* RV_HTTP_MESSAGE_INTERNAL_H */
