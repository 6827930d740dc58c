/* SPDX-License-Identifier: MIT */
/*
 * body.c - find the end of the body, and the data in it.
 *
 * A call consumes the lines between chunks byte by byte, and returns with the
 * first piece of data. So a piece is returned before anything after it is
 * parsed: a later error does not lose valid data, and the result does not
 * depend on the sizes of the pieces in which the input arrives.
 *
 * Threads: a parser belongs to one thread at a time.
 */
#include "http/message/message_internal.h"

#include <errno.h>

/* Add a hexadecimal digit to the chunk size, which is in `remaining`. */
static int add_size_digit(struct rv_http_parser *parser, char byte)
{
    const char letter = (char)(byte | 0x20); /* lower case */
    int digit;

    if (rv_http_is_digit(byte))
        digit = byte - '0';
    else if (letter >= 'a' && letter <= 'f')
        digit = letter - 'a' + 10;
    else
        return -EBADMSG;
    if (parser->remaining > UINT64_MAX >> 4)
        return -EBADMSG;
    parser->remaining = parser->remaining << 4 | (uint64_t)digit;
    parser->state = RV_HTTP_AT_SIZE;
    return 0;
}

/* Accept only the byte `wanted`, and enter the state `next`. */
static int expect(struct rv_http_parser *parser, char byte, char wanted,
                  enum rv_http_parser_state next)
{
    if (byte != wanted)
        return -EBADMSG;
    parser->state = (int)next;
    return 0;
}

/* A byte of free text, which ends with CR. */
static int text_byte(struct rv_http_parser *parser, char byte,
                     enum rv_http_parser_state line_end)
{
    if (rv_http_in(byte, RV_HTTP_VALUE))
        return 0;
    return expect(parser, byte, '\r', line_end);
}

/* A chunk-size line is complete. */
static int end_size_line(struct rv_http_parser *parser)
{
    const uint64_t room = parser->limits.body_bytes - parser->body_bytes;

    if (parser->remaining > room)
        return -EMSGSIZE;
    parser->body_bytes += parser->remaining;
    parser->state =
        parser->remaining > 0 ? RV_HTTP_AT_CHUNK_DATA : RV_HTTP_AT_TRAILER;
    return 0;
}

/* The first byte of a trailer, or of the empty line that ends the message. */
static int first_trailer_byte(struct rv_http_parser *parser, char byte)
{
    if (!rv_http_in(byte, RV_HTTP_TOKEN))
        return expect(parser, byte, '\r', RV_HTTP_AT_LAST_LF);
    if (parser->trailers == parser->limits.headers)
        return -EMSGSIZE;
    parser->trailers++;
    parser->state = RV_HTTP_AT_TRAILER_KEY;
    return 0;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Accept only a byte of a token, and enter the state `next`. */
static int expect_token(struct rv_http_parser *parser, char byte,
                        enum rv_http_parser_state next)
{
    if (!rv_http_in(byte, RV_HTTP_TOKEN))
        return -EBADMSG;
    parser->state = (int)next;
    return 0;
}

/* After a name or a value: the line ends, or the next extension begins. */
static int end_extension(struct rv_http_parser *parser, char byte,
                         enum rv_http_parser_state blank)
{
    if (byte == '\r')
        parser->state = RV_HTTP_AT_SIZE_LF;
    else if (byte == ';')
        parser->state = RV_HTTP_AT_EXTENSION;
    else if (is_blank(byte))
        parser->state = (int)blank;
    else
        return -EBADMSG;
    return 0;
}

/* A byte of a quoted value. A backslash escapes the next byte. */
static int quoted_byte(struct rv_http_parser *parser, char byte)
{
    if (!rv_http_in(byte, RV_HTTP_VALUE))
        return -EBADMSG;
    if (parser->state == RV_HTTP_AT_EXT_ESCAPED)
        parser->state = RV_HTTP_AT_EXT_QUOTED;
    else if (byte == '"')
        parser->state = RV_HTTP_AT_EXT_CLOSED;
    else if (byte == '\\')
        parser->state = RV_HTTP_AT_EXT_ESCAPED;
    return 0;
}

/*
 * Chunk extensions are checked, then discarded: ;name, ;name=token and
 * ;name="quoted". Blanks are accepted where RFC 9112, section 7.1.1, allows
 * them, except between the size and the first ";".
 */
static int extension_byte(struct rv_http_parser *parser, char byte)
{
    switch (parser->state) {
    case RV_HTTP_AT_EXTENSION:
        if (is_blank(byte))
            return 0;
        return expect_token(parser, byte, RV_HTTP_AT_EXT_NAME);
    case RV_HTTP_AT_EXT_NAME:
        if (rv_http_in(byte, RV_HTTP_TOKEN))
            return 0;
        if (byte != '=')
            return end_extension(parser, byte, RV_HTTP_AT_EXT_BLANK);
        parser->state = RV_HTTP_AT_EXT_EQUALS;
        return 0;
    case RV_HTTP_AT_EXT_BLANK:
        if (is_blank(byte))
            return 0;
        if (byte == ';')
            parser->state = RV_HTTP_AT_EXTENSION;
        else
            return expect(parser, byte, '=', RV_HTTP_AT_EXT_EQUALS);
        return 0;
    case RV_HTTP_AT_EXT_EQUALS:
        if (is_blank(byte))
            return 0;
        if (byte == '"')
            return expect(parser, byte, '"', RV_HTTP_AT_EXT_QUOTED);
        return expect_token(parser, byte, RV_HTTP_AT_EXT_TOKEN);
    case RV_HTTP_AT_EXT_TOKEN:
        if (rv_http_in(byte, RV_HTTP_TOKEN))
            return 0;
        return end_extension(parser, byte, RV_HTTP_AT_EXT_END);
    case RV_HTTP_AT_EXT_QUOTED:
    case RV_HTTP_AT_EXT_ESCAPED:
        return quoted_byte(parser, byte);
    case RV_HTTP_AT_EXT_CLOSED:
        return end_extension(parser, byte, RV_HTTP_AT_EXT_END);
    default: /* RV_HTTP_AT_EXT_END */
        if (is_blank(byte))
            return 0;
        return expect(parser, byte, ';', RV_HTTP_AT_EXTENSION);
    }
}

static int chunk_byte(struct rv_http_parser *parser, char byte)
{
    int error;

    switch (parser->state) {
    case RV_HTTP_AT_CHUNK_CR:
        return expect(parser, byte, '\r', RV_HTTP_AT_CHUNK_LF);
    case RV_HTTP_AT_CHUNK_LF:
        return expect(parser, byte, '\n', RV_HTTP_AT_SIZE_FIRST);
    case RV_HTTP_AT_SIZE:
        if (byte == '\r')
            parser->state = RV_HTTP_AT_SIZE_LF;
        else if (byte == ';')
            parser->state = RV_HTTP_AT_EXTENSION;
        else
            return add_size_digit(parser, byte);
        return 0;
    case RV_HTTP_AT_SIZE_LF:
        error = expect(parser, byte, '\n', RV_HTTP_AT_SIZE_LF);
        return error != 0 ? error : end_size_line(parser);
    case RV_HTTP_AT_SIZE_FIRST:
        return add_size_digit(parser, byte);
    default: /* from RV_HTTP_AT_EXTENSION on */
        return extension_byte(parser, byte);
    }
}

static int trailer_byte(struct rv_http_parser *parser, char byte)
{
    switch (parser->state) {
    case RV_HTTP_AT_TRAILER:
        return first_trailer_byte(parser, byte);
    case RV_HTTP_AT_TRAILER_KEY:
        if (rv_http_in(byte, RV_HTTP_TOKEN))
            return 0;
        return expect(parser, byte, ':', RV_HTTP_AT_TRAILER_VALUE);
    case RV_HTTP_AT_TRAILER_VALUE:
        return text_byte(parser, byte, RV_HTTP_AT_TRAILER_LF);
    case RV_HTTP_AT_TRAILER_LF:
        return expect(parser, byte, '\n', RV_HTTP_AT_TRAILER);
    default: /* RV_HTTP_AT_LAST_LF */
        parser->done = byte == '\n';
        return parser->done ? 0 : -EBADMSG;
    }
}

/* A byte that is not data: of a line between chunks, or of a trailer. */
static int framing_byte(struct rv_http_parser *parser, char byte)
{
    const bool trailer = parser->state >= RV_HTTP_AT_TRAILER;

    if (parser->line_bytes == parser->limits.line_bytes ||
        (trailer && parser->trailer_bytes == parser->limits.head_bytes))
        return -EMSGSIZE;
    parser->line_bytes = byte == '\n' ? 0 : parser->line_bytes + 1;
    if (!trailer)
        return chunk_byte(parser, byte);
    parser->trailer_bytes++;
    return trailer_byte(parser, byte);
}

static bool at_data(const struct rv_http_parser *parser)
{
    return parser->state <= RV_HTTP_AT_CHUNK_DATA;
}

/*
 * Consume up to `len` bytes of data; `len` is not 0. Returns: how many;
 * -EMSGSIZE: a body without a known end has reached its limit.
 */
static ssize_t consume_data(struct rv_http_parser *parser, uint32_t len)
{
    if (parser->remaining == 0)
        return -EMSGSIZE;
    if (len > parser->remaining)
        len = (uint32_t)parser->remaining;
    parser->remaining -= len;
    if (parser->remaining > 0)
        return len;
    if (parser->state == RV_HTTP_AT_CHUNK_DATA)
        parser->state = RV_HTTP_AT_CHUNK_CR;
    else if (parser->state == RV_HTTP_AT_DATA)
        parser->done = true;
    return len;
}

ssize_t rv_http_parse_body(struct rv_http_parser *parser, const char *data,
                           size_t len, struct rv_http_slice *body)
{
    /* A slice has 32-bit fields; the caller passes the rest in another call. */
    const uint32_t end = len < UINT32_MAX ? (uint32_t)len : UINT32_MAX;
    uint32_t used = 0;

    *body = (struct rv_http_slice){0, 0};
    if (parser->error != 0)
        return parser->error;
    if (parser->state <= RV_HTTP_AT_HEADER)
        return -EINVAL;
    while (used < end && !parser->done && !at_data(parser)) {
        parser->error = framing_byte(parser, data[used]);
        if (parser->error != 0)
            return parser->error;
        used++;
    }
    if (used < end && !parser->done) {
        const ssize_t taken = consume_data(parser, end - used);

        if (taken < 0) {
            parser->error = (int)taken;
            return taken;
        }
        *body = (struct rv_http_slice){used, (uint32_t)taken};
        used += (uint32_t)taken;
    }
    return used;
}

int rv_http_parse_eof(struct rv_http_parser *parser)
{
    if (parser->error != 0)
        return parser->error;
    if (parser->state == RV_HTTP_AT_ENDLESS)
        parser->done = true;
    if (!parser->done)
        parser->error = -EPIPE;
    return parser->error;
}
