/* SPDX-License-Identifier: MIT */
/* hello.c - requests and responses of the server peers. */
#include "hello.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { DATE_BYTES = 64 };

/* The date as headers have it; made once a second. */
static const char *date_text(void)
{
    static char text[DATE_BYTES];
    static time_t made_s;
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != made_s) {
        made_s = now.tv_sec;
        gmtime_r(&made_s, &tm);
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    }
    return text;
}

/* Look at every header of a head that ends in an empty line. */
static bool asks_for_close(const char *head, const char *end)
{
    static const char name[] = "connection:";
    const char *line = head;

    while ((line = memchr(line, '\n', (size_t)(end - line))) && ++line < end) {
        if (strncasecmp(line, name, sizeof name - 1) != 0)
            continue;
        line += sizeof name - 1;
        while (*line == ' ')
            line++;
        return strncasecmp(line, "close", 5) == 0;
    }
    return false;
}

static void add_answer(struct hello_connection *connection)
{
    const int len =
        snprintf(connection->out + connection->out_len,
                 sizeof connection->out - connection->out_len,
                 "HTTP/1.1 200 OK\r\n"
                 "Date: %s\r\n"
                 "Content-Type: text/plain\r\n"
                 "Content-Length: 6\r\n"
                 "%s\r\n"
                 "hello\n",
                 date_text(), connection->close ? "Connection: close\r\n" : "");

    connection->out_len += (size_t)len;
}

bool hello_answer(struct hello_connection *connection)
{
    enum { ANSWER_BYTES = 256 };
    char *at = connection->in;
    char *end = at + connection->in_len;

    while (!connection->close &&
           connection->out_len + ANSWER_BYTES < sizeof connection->out) {
        char *blank = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);

        if (!blank)
            break;
        if (strncmp(at, "GET /", 5) != 0)
            return false;
        connection->close = asks_for_close(at, blank + 2);
        add_answer(connection);
        at = blank + 4;
    }
    connection->in_len = (size_t)(end - at);
    if (at != connection->in)
        memmove(connection->in, at, connection->in_len);
    return connection->in_len < sizeof connection->in;
}

struct sockaddr_in hello_addr(void)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}
