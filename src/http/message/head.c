/* SPDX-License-Identifier: MIT */
/*
 * head.c - the start line and the headers.
 *
 * The head is parsed line by line. The search for the LF continues where the
 * last call stopped, and a line is parsed when it is complete. So each byte is
 * read once by the search and once by the parser, however small the pieces of
 * input are, and the result cannot depend on them.
 *
 * Threads: a parser belongs to one thread at a time.
 */
#include "http/message/message_internal.h"

#include <errno.h>
#include <string.h>

enum { VERSION_LEN = 8, STATUS_LEN = 3 }; /* "HTTP/1.1", "200" */

const struct rv_http_limits rv_http_default_limits = {
    .line_bytes = 8 * 1024,
    .head_bytes = 32 * 1024,
    .headers = RV_HTTP_HEADERS,
    .body_bytes = UINT64_C(1) << 30,
};

void rv_http_parser_init(struct rv_http_parser *parser, enum rv_http_kind kind,
                         const struct rv_http_limits *limits)
{
    /* A server does this for each request, so the kilobyte of headers is not
     * cleared: header_count says how many are valid. */
    memset(&parser->head, 0, offsetof(struct rv_http_head, headers));
    parser->done = false;
    parser->kind = kind;
    parser->limits = limits != NULL ? *limits : rv_http_default_limits;
    if (parser->limits.headers > RV_HTTP_HEADERS)
        parser->limits.headers = RV_HTTP_HEADERS;
    parser->answers_head_request = false;
    parser->state =
        kind == RV_HTTP_REQUEST ? RV_HTTP_AT_FIRST_LINE : RV_HTTP_AT_START_LINE;
    parser->error = 0;
    parser->pos = 0;
    parser->line_start = 0;
    parser->remaining = 0;
    parser->body_bytes = 0;
    parser->line_bytes = 0;
    parser->trailer_bytes = 0;
    parser->trailers = 0;
}

void rv_http_parser_answers_head(struct rv_http_parser *parser)
{
    parser->answers_head_request = true;
}

/*
 * Parse "HTTP/1.0" or "HTTP/1.1" at `text`. Another version is well-formed but
 * not supported.
 */
static int parse_version(struct rv_http_head *head, const char *text)
{
    if (memcmp(text, "HTTP/", 5) != 0 || !rv_http_is_digit(text[5]) ||
        text[6] != '.' || !rv_http_is_digit(text[7]))
        return -EBADMSG;
    if (text[5] != '1' || text[7] > '1')
        return -ENOTSUP;
    head->minor = text[7] - '0';
    return 0;
}

/* Method SP target SP version, with exactly one space each. */
static int parse_request_line(struct rv_http_head *head, const char *buffer,
                              struct rv_http_slice line)
{
    const char *text = buffer + line.at;
    const uint32_t method = rv_http_span(text, line.len, RV_HTTP_TOKEN);
    uint32_t target;
    uint32_t at;
    int error;

    if (method == 0 || method == line.len || text[method] != ' ')
        return -EBADMSG;
    at = method + 1;
    target = rv_http_span(text + at, line.len - at, RV_HTTP_TARGET);
    if (target == 0 || line.len - at - target != 1 + VERSION_LEN ||
        text[at + target] != ' ')
        return -EBADMSG;
    head->method = (struct rv_http_slice){line.at, method};
    head->target = (struct rv_http_slice){line.at + at, target};
    error = parse_version(head, text + at + target + 1);
    if (error == 0 && !rv_http_is_target(text, method, text + at, target))
        error = -EBADMSG;
    return error;
}

/* Parse three digits, of which the first is not 0. Returns: the status,
 * -EBADMSG. */
static int parse_status(const char *text)
{
    int status = 0;

    for (int i = 0; i < STATUS_LEN; i++) {
        if (!rv_http_is_digit(text[i]))
            return -EBADMSG;
        status = status * 10 + (text[i] - '0');
    }
    return status >= 100 ? status : -EBADMSG;
}

/*
 * Version SP status SP reason. Servers that send no reason often omit the
 * second space too; that is accepted, because it is not ambiguous.
 */
static int parse_status_line(struct rv_http_head *head, const char *buffer,
                             struct rv_http_slice line)
{
    const uint32_t status_end = VERSION_LEN + 1 + STATUS_LEN;
    const char *text = buffer + line.at;
    int error;

    if (line.len < status_end || text[VERSION_LEN] != ' ')
        return -EBADMSG;
    error = parse_version(head, text);
    if (error != 0)
        return error;
    head->status = parse_status(text + VERSION_LEN + 1);
    if (head->status < 0)
        return head->status;
    if (line.len == status_end)
        return 0;
    head->reason = (struct rv_http_slice){line.at + status_end + 1,
                                          line.len - status_end - 1};
    if (text[status_end] != ' ' ||
        rv_http_span(buffer + head->reason.at, head->reason.len,
                     RV_HTTP_VALUE) != head->reason.len)
        return -EBADMSG;
    return 0;
}

/*
 * Name, directly followed by a colon, and the value. A line that begins with
 * white space (the obsolete line folding) has no name and is refused.
 */
static int parse_header_line(struct rv_http_parser *parser, const char *buffer,
                             struct rv_http_slice line)
{
    const char *text = buffer + line.at;
    const uint32_t name = rv_http_span(text, line.len, RV_HTTP_TOKEN);
    struct rv_http_header *header;
    struct rv_http_slice value;

    if (name == 0 || name == line.len || text[name] != ':')
        return -EBADMSG;
    value = (struct rv_http_slice){line.at + name + 1, line.len - name - 1};
    if (rv_http_span(buffer + value.at, value.len, RV_HTTP_VALUE) != value.len)
        return -EBADMSG;
    if (parser->head.header_count == parser->limits.headers)
        return -EMSGSIZE;
    header = &parser->head.headers[parser->head.header_count++];
    header->name = (struct rv_http_slice){line.at, name};
    header->value = rv_http_trim(value, buffer);
    return 0;
}

/* The empty line: the head is complete. */
static int end_head(struct rv_http_parser *parser, const char *buffer)
{
    const int error = rv_http_decide_framing(parser, buffer);

    if (error != 0)
        return error;
    switch (parser->head.framing) {
    case RV_HTTP_CHUNKED:
        parser->state = RV_HTTP_AT_SIZE_FIRST;
        break;
    case RV_HTTP_UNTIL_CLOSE:
        parser->state = RV_HTTP_AT_ENDLESS;
        parser->remaining = parser->limits.body_bytes;
        break;
    case RV_HTTP_NO_BODY:
    case RV_HTTP_LENGTH:
        parser->state = RV_HTTP_AT_DATA;
        parser->remaining = parser->head.content_length;
        parser->done = parser->remaining == 0;
        break;
    }
    return 0;
}

static int parse_line(struct rv_http_parser *parser, const char *buffer,
                      struct rv_http_slice line)
{
    if (parser->state == RV_HTTP_AT_HEADER) {
        if (line.len == 0)
            return end_head(parser, buffer);
        return parse_header_line(parser, buffer, line);
    }

    /* Some old clients send a CRLF after a body that its length does not count.
     */
    if (parser->state == RV_HTTP_AT_FIRST_LINE && line.len == 0) {
        parser->state = RV_HTTP_AT_START_LINE;
        return 0;
    }
    parser->state = RV_HTTP_AT_HEADER;
    if (parser->kind == RV_HTTP_REQUEST)
        return parse_request_line(&parser->head, buffer, line);
    return parse_status_line(&parser->head, buffer, line);
}

/* The offset at which the line exceeds a limit. */
static size_t line_limit(const struct rv_http_parser *parser)
{
    const size_t line = (size_t)parser->line_start + parser->limits.line_bytes;

    return line < parser->limits.head_bytes ? line : parser->limits.head_bytes;
}

/*
 * Find the end of the line. Returns: 0: *line is the line without its CRLF;
 * -EAGAIN; -EMSGSIZE; -EBADMSG: an LF without a CR before it.
 */
static int next_line(struct rv_http_parser *parser, const char *buffer,
                     size_t len, struct rv_http_slice *line)
{
    const size_t limit = line_limit(parser);
    const size_t end = len < limit ? len : limit;
    const uint32_t start = parser->line_start;
    const char *lf = NULL;
    uint32_t at;

    if (parser->pos < end)
        lf = memchr(buffer + parser->pos, '\n', end - parser->pos);
    if (lf == NULL) {
        if (len >= limit)
            return -EMSGSIZE;
        if (parser->pos < end)
            parser->pos = (uint32_t)end;
        return -EAGAIN;
    }
    at = (uint32_t)(lf - buffer);
    if (at == start || buffer[at - 1] != '\r')
        return -EBADMSG;
    *line = (struct rv_http_slice){start, at - 1 - start};
    parser->pos = at + 1;
    parser->line_start = at + 1;
    return 0;
}

ssize_t rv_http_parse_head(struct rv_http_parser *parser, const char *buffer,
                           size_t len)
{
    struct rv_http_slice line;
    int error = parser->error;

    while (error == 0 && parser->state <= RV_HTTP_AT_HEADER) {
        error = next_line(parser, buffer, len, &line);
        if (error == 0)
            error = parse_line(parser, buffer, line);
    }
    if (error == 0)
        return parser->pos;
    if (error != -EAGAIN)
        parser->error = error;
    return error;
}
