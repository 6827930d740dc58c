/* SPDX-License-Identifier: MIT */
/*
 * own_header.c - headers that a program adds to a message, and the decoding of
 * parameters.
 *
 * A line end in a name or a value would begin another header, or the body: that
 * is how responses are split. So both are checked, and headers that decide the
 * framing cannot be added.
 *
 * Threads: everything here is a function of its arguments.
 */
#include "http/message/own_header.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "http/message/message_internal.h"

static bool is_all(const char *text, size_t len, int set)
{
    return len <= UINT32_MAX &&
           rv_http_span(text, (uint32_t)len, set) == (uint32_t)len;
}

bool rv_http_is_value(const char *text)
{
    return is_all(text, strlen(text), RV_HTTP_VALUE);
}

bool rv_http_is_token(const char *text)
{
    return *text != '\0' && is_all(text, strlen(text), RV_HTTP_TOKEN);
}

int rv_http_check_header(const char *name, const char *value,
                         const char *const *reserved)
{
    if (!rv_http_is_token(name) || !rv_http_is_value(value))
        return -EINVAL;
    for (; *reserved; reserved++)
        if (strcasecmp(name, *reserved) == 0)
            return -EINVAL;
    return 0;
}

/* The value of a hexadecimal digit, or -1. */
static int hex_digit(char byte)
{
    const char letter = (char)(byte | 0x20);

    if (rv_http_is_digit(byte))
        return byte - '0';
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

ssize_t rv_http_decode(char *out, size_t size, const char *text, size_t len,
                       bool plus)
{
    size_t at = 0;

    for (size_t i = 0; i < len; i++) {
        char byte = text[i];

        if (byte == '%') {
            const int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
            const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;

            if (low < 0 || high + low == 0)
                return -EINVAL;
            byte = (char)(high << 4 | low);
            i += 2;
        } else if (byte == '+' && plus) {
            byte = ' ';
        }
        if (at + 1 >= size)
            return -EMSGSIZE;
        out[at++] = byte;
    }
    if (size == 0)
        return -EMSGSIZE;
    out[at] = '\0';
    return (ssize_t)at;
}
