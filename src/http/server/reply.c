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
#include "http/message/own_header.h"
#include "http/message/writer.h"
#include "http/server/connection.h"

enum { FIRST_FINAL = 200, LAST_STATUS = 999 };

enum {
    HEAD_MAX_BYTES = 512,
    HEADERS_MAX_BYTES = 16 * 1024, /* of added headers */
    OUT_FIRST_BYTES = 512,
    OUT_KEEP_BYTES = 64 * 1024 /* a larger buffer is freed after the send */
};

/* --- the output buffer ------------------------------------------------- */

/* Make room for `len` more bytes. Returns: 0, -ENOMEM. */
static int reserve_out(struct rv_http_connection *conn, size_t len)
{
    const size_t wanted = conn->out_len + len;
    const size_t room = wanted > OUT_FIRST_BYTES ? wanted : OUT_FIRST_BYTES;

    if (wanted <= conn->out_room)
        return 0;
    return rv_http_grow(&conn->out, conn->out_len, &conn->out_room, room);
}

int rv_http_queue(struct rv_http_connection *conn, const void *text, size_t len)
{
    const int error = reserve_out(conn, len);

    if (error < 0)
        return error;
    if (len > 0)
        memcpy(conn->out + conn->out_len, text, len);
    conn->out_len += len;
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

/* RFC 9110, section 8.6. */
bool rv_http_is_bodiless(int status)
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
    if (rv_http_is_bodiless(status))
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

/* Returns: the length; -EALREADY, -EINVAL, -ENOSPC. */
static int format_head(char *text, size_t size, struct rv_http_connection *conn,
                       int status, const char *type, int64_t len_bytes)
{
    struct rv_http_writer out = {.at = text, .end = text + size};

    if (conn->answered)
        return -EALREADY;
    /* A 1xx would not be the response: the client would take its body for the
     * start of another one. */
    if (status < FIRST_FINAL || status > LAST_STATUS)
        return -EINVAL;
    /* A line end would begin another header. */
    if (type && (strchr(type, '\n') || strchr(type, '\r')))
        return -EINVAL;
    if (rv_http_body_is_long(conn))
        conn->exchange.keep_alive = false;
    append_status_line(&out, status);
    rv_http_append(&out, "Date: ");
    rv_http_append(&out, date_text(conn->server));
    if (type) {
        rv_http_append(&out, "\r\nContent-Type: ");
        rv_http_append(&out, type);
    }
    rv_http_append(&out, "\r\n");
    if (conn->headers_len > 0)
        rv_http_append_bytes(&out, conn->headers, conn->headers_len);
    append_framing(&out, &conn->exchange, status, len_bytes);
    rv_http_append(&out, connection_header(&conn->exchange));
    rv_http_append(&out, "\r\n");
    if (out.full)
        return -ENOSPC;
    conn->answered = true;
    return (int)(out.at - text);
}

int rv_http_format_head(char *text, size_t size,
                        struct rv_http_exchange *exchange, int status,
                        const char *type, int64_t len_bytes)
{
    struct rv_http_connection *conn = exchange->connection;

    if (!conn->handling)
        return -ECANCELED;
    return format_head(text, size, conn, status, type, len_bytes);
}

int rv_http_queue_head(struct rv_http_connection *conn, int status,
                       const char *type, int64_t len_bytes, size_t more_bytes)
{
    const size_t room = HEAD_MAX_BYTES + conn->headers_len;
    const int error = reserve_out(conn, room + more_bytes);
    int len;

    if (error < 0)
        return error;
    len = format_head(conn->out + conn->out_len, room, conn, status, type,
                      len_bytes);
    if (len < 0)
        return len;
    conn->head_at = conn->out_len;
    conn->out_len += (size_t)len;
    return 0;
}

int rv_http_queue_reply(struct rv_http_connection *conn, int status,
                        const char *type, const void *body, size_t len_bytes)
{
    const bool bare = conn->exchange.head_only || rv_http_is_bodiless(status);
    const size_t more_bytes = bare ? 0 : len_bytes;
    const int error =
        rv_http_queue_head(conn, status, type, (int64_t)len_bytes, more_bytes);

    return error < 0 ? error : rv_http_queue(conn, body, more_bytes);
}

int rv_http_reply(struct rv_http_exchange *exchange, int status,
                  const char *type, const void *body, size_t len_bytes)
{
    if (!exchange->connection->handling)
        return -ECANCELED;
    return rv_http_queue_reply(exchange->connection, status, type, body,
                               len_bytes);
}

/* --- added headers ------------------------------------------------------ */

int rv_http_write_header(struct rv_http_connection *conn, const char *name,
                         const char *value)
{
    const size_t len = strlen(name) + strlen(value) + strlen(": \r\n");
    const size_t wanted = conn->headers_len + len;
    struct rv_http_writer out;
    int error = 0;

    if (wanted > HEADERS_MAX_BYTES)
        return -EMSGSIZE;
    if (wanted > conn->headers_room)
        error = rv_http_grow(&conn->headers, conn->headers_len,
                             &conn->headers_room, 2 * wanted);
    if (error < 0)
        return error;
    out = (struct rv_http_writer){.at = conn->headers + conn->headers_len,
                                  .end = conn->headers + wanted};
    rv_http_append(&out, name);
    rv_http_append(&out, ": ");
    rv_http_append(&out, value);
    rv_http_append(&out, "\r\n");
    conn->headers_len = wanted;
    return 0;
}

int rv_http_add_header(struct rv_http_exchange *exchange, const char *name,
                       const char *value)
{
    static const char *const own[] = {
        "Connection", "Content-Length", "Content-Type",
        "Date",       "Keep-Alive",     "Transfer-Encoding",
        "Trailer",    "Upgrade",        NULL};

    if (!exchange->connection->handling)
        return -ECANCELED;
    if (exchange->connection->answered)
        return -EALREADY;
    if (rv_http_check_header(name, value, own) < 0)
        return -EINVAL;
    return rv_http_write_header(exchange->connection, name, value);
}
