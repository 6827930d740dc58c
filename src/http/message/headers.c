/* SPDX-License-Identifier: MIT */
/*
 * headers.c - find a header, and evaluate those that decide how the message
 * ends.
 *
 * Request smuggling exploits two programs that see the end of one message at
 * different places. So nothing is repaired or guessed here: two headers that
 * state the same fact are an error, even if they agree.
 *
 * Threads: everything here is a function of its arguments.
 */
#include "http/message/message_internal.h"

#include <errno.h>
#include <string.h>

/* --- sets of bytes ----------------------------------------------------- */

enum {
    O = 0,                              /* control characters */
    V = RV_HTTP_VALUE,                  /* in values only */
    K = RV_HTTP_VALUE | RV_HTTP_TOKEN,  /* in values and names */
    P = RV_HTTP_VALUE | RV_HTTP_TARGET, /* in values and paths */
    H = P | RV_HTTP_HOST,               /* in values, paths and hosts */
    A = H | RV_HTTP_TOKEN               /* everywhere */
};

/* For each byte, the sets it belongs to, after RFC 9110 (tokens, values) and
 * RFC 3986 (targets, hosts). */
/* clang-format off */
const uint8_t rv_http_class[256] = {
    O, O, O, O, O, O, O, O, O, V, O, O, O, O, O, O, /* the tab */
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
    V, A, V, K, A, A, A, A, H, H, A, A, H, A, A, P, /*   !"#$%&'()*+,-./ */
    A, A, A, A, A, A, A, A, A, A, H, H, V, H, V, P, /*  0123456789:;<=>? */
    P, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, /*  @ABCDEFGHIJKLMNO */
    A, A, A, A, A, A, A, A, A, A, A, H, V, H, K, A, /*  PQRSTUVWXYZ[\]^_ */
    K, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, /*  `abcdefghijklmno */
    A, A, A, A, A, A, A, A, A, A, A, V, K, V, A, O, /*  pqrstuvwxyz{|}~  */
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, /* beyond ASCII */
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
};
/* clang-format on */

/* --- compare and find -------------------------------------------------- */

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

static bool same(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

bool rv_http_slice_is(struct rv_http_slice slice, const char *buffer,
                      const char *text)
{
    return slice.len == strlen(text) &&
           same(buffer + slice.at, text, slice.len);
}

const struct rv_http_slice *rv_http_find_header(const struct rv_http_head *head,
                                                const char *buffer,
                                                const char *name)
{
    const size_t len = strlen(name);

    for (uint32_t i = 0; i < head->header_count; i++) {
        const struct rv_http_header *header = &head->headers[i];

        if (header->name.len == len &&
            same(buffer + header->name.at, name, len))
            return &header->value;
    }
    return NULL;
}

/* --- framing ----------------------------------------------------------- */

/* What the headers state. They are counted, because a repeated one is an
 * error. */
struct facts {
    uint32_t hosts;
    uint32_t lengths;
    uint32_t codings;
    struct rv_http_slice host;
    struct rv_http_slice length;
    struct rv_http_slice coding;
    bool close;
    bool keep_alive;
};

/* The Connection header is a list of "close", "keep-alive" and names of other
 * headers. */
static void read_connection(struct facts *facts, const char *buffer,
                            struct rv_http_slice list)
{
    const uint32_t end = list.at + list.len;
    uint32_t next;

    for (uint32_t at = list.at; at < end; at = next + 1) {
        struct rv_http_slice word;

        for (next = at; next < end && buffer[next] != ',';)
            next++;
        word = rv_http_trim((struct rv_http_slice){at, next - at}, buffer);
        facts->close |= rv_http_slice_is(word, buffer, "close");
        facts->keep_alive |= rv_http_slice_is(word, buffer, "keep-alive");
    }
}

/* Evaluate one header. The length of its name excludes nearly all others. */
static void read_header(struct facts *facts, struct rv_http_head *head,
                        const char *buffer, const struct rv_http_header *header)
{
    const char *name = buffer + header->name.at;

    switch (header->name.len) {
    case sizeof("Host") - 1:
        if (same(name, "host", 4)) {
            facts->hosts++;
            facts->host = header->value;
        }
        break;
    case sizeof("Expect") - 1:
        if (same(name, "expect", 6) && head->minor == 1 &&
            rv_http_slice_is(header->value, buffer, "100-continue"))
            head->expect_continue = true;
        break;
    case sizeof("Connection") - 1:
        if (same(name, "connection", 10))
            read_connection(facts, buffer, header->value);
        break;
    case sizeof("Content-Length") - 1:
        if (same(name, "content-length", 14)) {
            facts->lengths++;
            facts->length = header->value;
        }
        break;
    case sizeof("Transfer-Encoding") - 1:
        if (same(name, "transfer-encoding", 17)) {
            facts->codings++;
            facts->coding = header->value;
        }
        break;
    default:
        break;
    }
}

/* Parse a decimal number: digits only, and no overflow. */
static int parse_length(uint64_t *out, const char *text, uint32_t len)
{
    uint64_t length = 0;

    if (len == 0)
        return -EBADMSG;
    for (uint32_t i = 0; i < len; i++) {
        const uint64_t digit = (uint64_t)(text[i] - '0');

        if (!rv_http_is_digit(text[i]) || length > (UINT64_MAX - digit) / 10)
            return -EBADMSG;
        length = length * 10 + digit;
    }
    *out = length;
    return 0;
}

/* A request has exactly one Host, which may be empty. HTTP/1.0 may have none.
 */
static int check_host(const struct facts *facts, const char *buffer, int minor)
{
    const struct rv_http_slice host = facts->host;

    if (facts->hosts > 1 || (facts->hosts == 0 && minor == 1))
        return -EBADMSG;
    if (host.len > 0 && !rv_http_is_authority(buffer + host.at, host.len))
        return -EBADMSG;
    return 0;
}

/* HTTP/1.0 has no transfer codings: other programs might expect a length, or
 * the close. */
static int check_coding(const struct facts *facts, const char *buffer,
                        int minor)
{
    if (minor == 0 || facts->coding.len == 0)
        return -EBADMSG;
    return rv_http_slice_is(facts->coding, buffer, "chunked") ? 0 : -ENOTSUP;
}

/* Some statuses and the method HEAD exclude a body, whatever the headers say.
 */
static bool never_has_body(const struct rv_http_parser *parser)
{
    const int status = parser->head.status;

    if (parser->kind == RV_HTTP_REQUEST)
        return false;
    return parser->answers_head_request || status < 200 || status == 204 ||
           status == 304;
}

/* RFC 9112, section 6.3, but without the repairs that it permits. */
static int decide_body(struct rv_http_parser *parser, const char *buffer,
                       const struct facts *facts)
{
    struct rv_http_head *head = &parser->head;
    uint64_t length = 0;
    int error = 0;

    if (facts->codings + facts->lengths > 1)
        return -EBADMSG;
    if (facts->codings == 1)
        error = check_coding(facts, buffer, head->minor);
    else if (facts->lengths == 1)
        error =
            parse_length(&length, buffer + facts->length.at, facts->length.len);
    if (error != 0)
        return error;

    if (never_has_body(parser))
        head->framing = RV_HTTP_NO_BODY;
    else if (facts->codings == 1)
        head->framing = RV_HTTP_CHUNKED;
    else if (facts->lengths == 1)
        head->framing = RV_HTTP_LENGTH;
    else if (parser->kind == RV_HTTP_RESPONSE)
        head->framing = RV_HTTP_UNTIL_CLOSE;
    else
        head->framing = RV_HTTP_NO_BODY;
    if (head->framing != RV_HTTP_LENGTH)
        return 0;
    head->content_length = length;
    return length > parser->limits.body_bytes ? -EMSGSIZE : 0;
}

int rv_http_decide_framing(struct rv_http_parser *parser, const char *buffer)
{
    struct rv_http_head *head = &parser->head;
    struct facts facts = {0};
    int error;

    for (uint32_t i = 0; i < head->header_count; i++)
        read_header(&facts, head, buffer, &head->headers[i]);
    if (parser->kind == RV_HTTP_REQUEST) {
        error = check_host(&facts, buffer, head->minor);
        if (error != 0)
            return error;
    }
    error = decide_body(parser, buffer, &facts);
    if (error != 0)
        return error;
    head->keep_alive = !facts.close && (facts.keep_alive || head->minor == 1) &&
                       head->framing != RV_HTTP_UNTIL_CLOSE;
    return 0;
}

/* --- reason phrases ---------------------------------------------------- */

static const char *const reasons[] = {
    [100] = "Continue",
    [101] = "Switching Protocols",
    [103] = "Early Hints",
    [200] = "OK",
    [201] = "Created",
    [202] = "Accepted",
    [203] = "Non-Authoritative Information",
    [204] = "No Content",
    [205] = "Reset Content",
    [206] = "Partial Content",
    [300] = "Multiple Choices",
    [301] = "Moved Permanently",
    [302] = "Found",
    [303] = "See Other",
    [304] = "Not Modified",
    [307] = "Temporary Redirect",
    [308] = "Permanent Redirect",
    [400] = "Bad Request",
    [401] = "Unauthorized",
    [402] = "Payment Required",
    [403] = "Forbidden",
    [404] = "Not Found",
    [405] = "Method Not Allowed",
    [406] = "Not Acceptable",
    [407] = "Proxy Authentication Required",
    [408] = "Request Timeout",
    [409] = "Conflict",
    [410] = "Gone",
    [411] = "Length Required",
    [412] = "Precondition Failed",
    [413] = "Content Too Large",
    [414] = "URI Too Long",
    [415] = "Unsupported Media Type",
    [416] = "Range Not Satisfiable",
    [417] = "Expectation Failed",
    [421] = "Misdirected Request",
    [422] = "Unprocessable Content",
    [426] = "Upgrade Required",
    [428] = "Precondition Required",
    [429] = "Too Many Requests",
    [431] = "Request Header Fields Too Large",
    [500] = "Internal Server Error",
    [501] = "Not Implemented",
    [502] = "Bad Gateway",
    [503] = "Service Unavailable",
    [504] = "Gateway Timeout",
    [505] = "HTTP Version Not Supported",
};

const char *rv_http_reason(int status)
{
    const int count = (int)(sizeof(reasons) / sizeof(reasons[0]));

    if (status < 0 || status >= count || reasons[status] == NULL)
        return "";
    return reasons[status];
}

bool rv_http_is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 ||
           status == 308;
}
