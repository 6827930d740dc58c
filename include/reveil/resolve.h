/* SPDX-License-Identifier: MIT */
/*
 * resolve.h - look up a name, or connect to a name.
 *
 *     struct rv_stream stream;                      in a coroutine
 *     int error = rv_dial("example.org", 80, &stream, rv_after_ms(5000));
 *
 *     if (error)
 *         return error;
 *
 * Names are looked up by getaddrinfo(3), as in other programs on the machine:
 * /etc/hosts first, then the name servers. It blocks, so it runs on the
 * thread's blocking pool (a runtime has one). An address in text and
 * "localhost" need no lookup and complete in the first poll.
 */
#ifndef RV_RESOLVE_H
#define RV_RESOLVE_H

#include <reveil/blocking.h>
#include <reveil/executor.h>
#include <reveil/net.h>

RV_BEGIN_DECLS

/* At most this many addresses per name are used; a name with its NUL has at
 * most RV_RESOLVE_NAME bytes. */
enum { RV_RESOLVE_ADDRS = 16, RV_RESOLVE_NAME = 256 };

/*
 * result: the number of addresses, 1 or more, in the order of getaddrinfo(),
 * which puts the best first; or an error. -ENXIO and -EREMOTEIO stand for
 * errors of the name, so that they cannot be mistaken for errors of a
 * connection:
 *
 *   -ENXIO         the name does not exist or has no address
 *                  (EAI_NONAME, EAI_NODATA, EAI_ADDRFAMILY, EAI_SERVICE)
 *   -EREMOTEIO     the name servers were unreachable or failed; trying again
 *                  later may help (EAI_AGAIN, EAI_FAIL, all others). It is not
 *                  -EAGAIN, because that means "pending" in this library
 *   -ENAMETOOLONG  the name, or a part of it, is too long (EAI_OVERFLOW)
 *   -EINVAL        the name is empty
 *   -ENOMEM        out of memory (EAI_MEMORY), or no pool thread available
 *   -ENODEV        the thread has no blocking pool
 *   -ECANCELED     the blocking pool was stopped
 *   -EMFILE, ...   a system call failed (EAI_SYSTEM)
 *
 * A lookup that is running cannot be stopped. If the future is dropped, the
 * lookup ends by itself on its pool thread.
 */
struct rv_resolve {
    struct rv_future future;

    /* Output: `result` addresses. Valid from READY until rv_drop(). */
    const struct rv_addr *addrs;

    /* Private. */
    const char *host;
    struct rv_addr own[2]; /* of a host that needs no lookup */
    struct rv_blocking call;
    struct rv_lookup *lookup;
    uint16_t port;
};

/*
 * Look up `host`: a name, an IPv4 or IPv6 address, or localhost (127.0.0.1,
 * then ::1). Each address in the result has this port.
 *
 * Owns: the caller keeps `host`, which must stay valid until the first poll has
 * returned.
 */
void rv_resolve_init(struct rv_resolve *resolve, const char *host,
                     uint16_t port);

/*
 * The same in a coroutine; with deadline and rules as in net.h.
 *
 * addrs:   room for `count` of them, at most RV_RESOLVE_ADDRS are used.
 * Returns: the number of addresses stored, 1 or more; or an error as above;
 * -ETIMEDOUT; -ECANCELED.
 */
int rv_resolve(const char *host, uint16_t port, struct rv_addr *addrs,
               size_t count, int64_t deadline_ns);

/* The time between two connection attempts while the earlier one has no result:
 * the Connection Attempt Delay that RFC 8305, section 8, recommends. */
enum { RV_DIAL_DELAY_MS = 250 };

/* Private: the attempt to connect to one address. */
struct rv_dial_attempt {
    struct rv_tcp_connect connect;
    struct rv_stream stream;
};

/*
 * result: 0; -ETIMEDOUT: the deadline passed; an error of rv_resolve; if every
 * attempt failed, the error of the first address, which is the one that the
 * system prefers; -ENOMEM: no attempt was left in progress, and there was no
 * memory to start the next one. *stream is a socket only after 0.
 */
struct rv_dial {
    struct rv_future future;

    /* Optional: the first data to send, as in rv_tcp_connect. It is sent only
     * on the connection that wins. */
    const void *first;
    size_t first_len_bytes;
    size_t first_sent_bytes;

    /* RV_DIAL_DELAY_MS; may be changed between init and the first poll.
     * 0: start all attempts at once. RV_NEVER: start the next one only when
     * one has failed. */
    int64_t delay_ns;

    /* Private. */
    struct rv_stream *stream;
    struct rv_resolve resolve;
    struct rv_dial_attempt attempt; /* the first address */
    struct rv_dial_race *race; /* the other addresses, once they are tried */
    struct rv_sleep limit;     /* the deadline */
    struct rv_sleep delay;     /* until the next attempt */
    int32_t count;             /* of addresses; 0: not looked up yet */
    int32_t started;           /* attempts */
};

/*
 * Look up `host`, then connect to the first of its addresses that accepts
 * (RFC 8305, "Happy Eyeballs"). Attempts alternate between IPv6 and IPv4. Each
 * starts `delay_ns` after the one before, or at once if one fails, while the
 * earlier ones continue. The first connection wins; the others are closed.
 *
 * deadline_ns: for lookup and connect together; RV_NEVER: none. The kernel then
 * gives up on an address that does not answer after some minutes.
 * Owns: `host` as for rv_resolve_init(). `stream` must stay valid and unmoved
 * until the future is READY or dropped; after 0 the caller closes it.
 */
void rv_dial_init(struct rv_dial *dial, const char *host, uint16_t port,
                  int64_t deadline_ns, struct rv_stream *stream);

/* The same in a coroutine. Returns: 0, and *out is a socket; as struct rv_dial;
 * -ECANCELED. */
int rv_dial(const char *host, uint16_t port, struct rv_stream *out,
            int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_RESOLVE_H */
