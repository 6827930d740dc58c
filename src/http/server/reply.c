/* SPDX-License-Identifier: MIT */
/*
 * reply.c - write responses.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http/message/buffer.h"
#include "http/message/writer.h"
#include "http/server/connection.h"

enum {
    HEAD_MAX_BYTES = 512,
    OUT_FIRST_BYTES = 512,
    OUT_KEEP_BYTES = 64 * 1024 /* a larger buffer is freed after the send */
};

/* --- the output buffer ------------------------------------------------- */

int rv_http_queue(struct rv_http_connection *conn, const void *text, size_t len)
{
    const size_t wanted = conn->out_len + len;
    const size_t room = wanted > OUT_FIRST_BYTES ? wanted : OUT_FIRST_BYTES;

    if (wanted > conn->out_room) {
        const int error =
            rv_http_grow(&conn->out, conn->out_len, &conn->out_room, room);

        if (error < 0)
            return error;
    }
    if (len > 0)
        memcpy(conn->out + conn->out_len, text, len);
    conn->out_len = wanted;
    return 0;
}

void rv_http_empty(struct rv_http_connection *conn)
{
    conn->out_len = 0;
    conn->out_sent = 0;
    if (conn->out_room > OUT_KEEP_BYTES) {
        rv_free(conn->out);
        conn->out = NULL;
        conn->out_room = 0;
    }
}

/* --- the head ----------------------------------------------------------- */

/* RFC 9110 requires English names; strftime() would use the locale's. */
static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed",
                                "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* The value of the Date header; formatted at most once per second. */
static const char *date_text(struct rv_http_server *server)
{
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (server->date_s == now.tv_sec && server->date[0])
        return server->date;
    server->date_s = now.tv_sec;
    gmtime_r(&now.tv_sec, &tm);
    snprintf(server->date, sizeof server->date,
             "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
             tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
             tm.tm_min, tm.tm_sec);
    return server->date;
}

/* These statuses have no body and no Content-Length: RFC 9110, section 8.6. */
static bool never_has_body(int status)
{
    return status == 204 || status == 304;
}

/* The header that says how the body ends; none if it ends with the connection.
 */
static void append_framing(struct rv_http_writer *out,
                           struct rv_http_exchange *exchange, int status,
                           int64_t len_bytes)
{
    exchange->chunked = false;
    if (never_has_body(status))
        return;
    exchange->chunked = len_bytes < 0 && exchange->head->minor == 1;
    if (len_bytes >= 0) {
        rv_http_append(out, "Content-Length: ");
        rv_http_append_number(out, (uint64_t)len_bytes);
        rv_http_append(out, "\r\n");
    } else if (exchange->chunked) {
        rv_http_append(out, "Transfer-Encoding: chunked\r\n");
    } else {
        exchange->keep_alive = false;
    }
}

/* Sent only where it differs from the default of the HTTP version. */
static const char *connection_header(const struct rv_http_exchange *exchange)
{
    if (!exchange->keep_alive)
        return "Connection: close\r\n";
    return exchange->head->minor == 0 ? "Connection: keep-alive\r\n" : "";
}

static void append_status_line(struct rv_http_writer *out, int status)
{
    rv_http_append(out, "HTTP/1.1 ");
    rv_http_append_number(out, (uint64_t)status);
    rv_http_append(out, " ");
    rv_http_append(out, rv_http_reason(status));
    rv_http_append(out, "\r\n");
}

int rv_http_format_head(char *text, size_t size,
                        struct rv_http_exchange *exchange, int status,
                        const char *type, int64_t len_bytes)
{
    struct rv_http_writer out = {.at = text, .end = text + size};

    if (exchange->connection->answered)
        return -EALREADY;
    append_status_line(&out, status);
    rv_http_append(&out, "Date: ");
    rv_http_append(&out, date_text(exchange->connection->server));
    rv_http_append(&out, "\r\nContent-Type: ");
    rv_http_append(&out, type);
    rv_http_append(&out, "\r\n");
    append_framing(&out, exchange, status, len_bytes);
    rv_http_append(&out, connection_header(exchange));
    rv_http_append(&out, "\r\n");
    if (out.full)
        return -ENOSPC;
    exchange->connection->answered = true;
    return (int)(out.at - text);
}

int rv_http_reply(struct rv_http_exchange *exchange, int status,
                  const char *type, const void *body, size_t len_bytes)
{
    struct rv_http_connection *connection = exchange->connection;
    char head[HEAD_MAX_BYTES];
    const int len = rv_http_format_head(head, sizeof head, exchange, status,
                                        type, (int64_t)len_bytes);
    int error;

    if (len < 0)
        return len;
    error = rv_http_queue(connection, head, (size_t)len);
    if (error == 0 && !exchange->head_only && !never_has_body(status))
        error = rv_http_queue(connection, body, len_bytes);
    if (error < 0) {
        connection->out_len = 0;
        connection->answered = false;
    }
    return error;
}
