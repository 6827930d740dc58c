/* SPDX-License-Identifier: MIT */
/*
 * relay.h - connect two streams with each other: the heart of a proxy.
 *
 *     char buffer[32768];                           in a coroutine
 *     int error = rv_dial(host, port, &server, rv_after_ms(5000));
 *
 *     if (!error)
 *         error = rv_stream_relay(&client, &server, buffer, sizeof buffer,
 *                                 60 * RV_NS_PER_S, RV_NEVER);
 *     rv_stream_close(&server);
 *
 * What one stream receives is sent on the other, in both directions. The end of
 * one direction is passed on (half-close), and the other one continues. A
 * stream that accepts no more data holds its sender back: nothing is stored but
 * in the caller's buffer.
 */
#ifndef RV_RELAY_H
#define RV_RELAY_H

#include <reveil/executor.h>
#include <reveil/net.h>

RV_BEGIN_DECLS

/* One direction of a relay. Private, but for `moved_bytes`. */
struct rv_relay_side {
    uint64_t moved_bytes; /* sent so far; valid at any time */
    struct rv_stream *from;
    struct rv_stream *to;
    char *buffer;
    size_t len_bytes; /* of the buffer */
    size_t start;     /* what is to be sent: from here */
    size_t end;       /* to here */
    int64_t last_ns;  /* when something moved */
    bool is_over;     /* the end was passed on */
};

/*
 * result: 0 when both directions have ended; -ETIMEDOUT: nothing has moved for
 * `idle_ns`; or the first error of a stream (-ECONNRESET, -EPIPE, ...), after
 * which the other direction may have data left. The streams stay open.
 */
struct rv_stream_relay {
    struct rv_future future;
    struct rv_relay_side side[2]; /* from a to b; from b to a */
    int64_t idle_ns;              /* private, as is the other field */
    struct rv_sleep limit;
};

/*
 * buffer:  half of it for each direction; 16 KiB or more are good. Misuse: less
 *          than 2 bytes.
 * idle_ns: RV_NEVER: no limit.
 * Owns:    the caller keeps all, which must stay valid and unmoved until the
 *          future is READY and dropped. No other task may use the streams.
 */
void rv_stream_relay_init(struct rv_stream_relay *relay, struct rv_stream *a,
                          struct rv_stream *b, void *buffer, size_t len_bytes,
                          int64_t idle_ns);

/* The same in a coroutine; with deadline and rules as in net.h. After
 * -ETIMEDOUT or -ECANCELED, data that was in the buffer is lost. */
int rv_stream_relay(struct rv_stream *a, struct rv_stream *b, void *buffer,
                    size_t len_bytes, int64_t idle_ns, int64_t deadline_ns);

/* --- streams of one direction ------------------------------------------ */

/* What `from` receives is sent on `to`. */
struct rv_relay_way {
    struct rv_stream *from;
    struct rv_stream *to;
};

/*
 * The same for one or two directions whose streams the caller chooses, such as
 * the pipes of a child process:
 *
 *     const struct rv_relay_way ways[] = {{&client, &in}, {&out, &client}};
 *
 *     error = rv_stream_relay_ways(ways, 2, buffer, sizeof buffer,
 *                                  60 * RV_NS_PER_S, RV_NEVER);
 *
 * A child that stops reading its input makes that direction end with -EPIPE,
 * and the relay with it, although there may be output left. Where that can
 * happen, use two relays of one direction, each in a task.
 *
 * ways:    copied; the streams stay the caller's. A pipe that is sent to is
 *          closed when its direction has ended: rv_stream_shutdown_write().
 * count:   1 or 2, anything else is misuse. One direction has all of the
 *          buffer.
 */
void rv_stream_relay_ways_init(struct rv_stream_relay *relay,
                               const struct rv_relay_way *ways, size_t count,
                               void *buffer, size_t len_bytes, int64_t idle_ns);

/* In a coroutine: as rv_stream_relay(). */
int rv_stream_relay_ways(const struct rv_relay_way *ways, size_t count,
                         void *buffer, size_t len_bytes, int64_t idle_ns,
                         int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_RELAY_H */
