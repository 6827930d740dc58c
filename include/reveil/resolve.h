/* SPDX-License-Identifier: MIT */
/*
 * resolve.h - from a name to addresses, and from a name to a connection.
 *
 *     rv_dial_init(&self->dial, "example.org", 80, rv_after_ms(5000),
 *                  &self->stream);
 *     RV_AWAIT(future, cx, &self->dial.future);
 *     if (self->dial.future.result < 0)
 *         RV_RETURN(future, self->dial.future.result);
 *
 * Names are looked up by getaddrinfo(3), which blocks, so on the thread's
 * blocking pool (a runtime has one); it reads /etc/hosts and asks the name
 * servers as all programs on the machine do. An address in text, and
 * "localhost", need no look-up: they are answered in the first poll.
 */
#ifndef RV_RESOLVE_H
#define RV_RESOLVE_H

#include <reveil/blocking.h>
#include <reveil/executor.h>
#include <reveil/net.h>

/* More addresses of one name are left out; a name has at most 255 bytes. */
enum { RV_RESOLVE_ADDRS = 16, RV_RESOLVE_NAME = 256 };

/*
 * result: how many addresses there are, 1 or more, in the order in which they
 * are best tried (getaddrinfo() sorts them); else what went wrong. No error
 * of a connection has the same number as one of the name:
 *
 *   -ENXIO         there is no such name, or it has no address
 *                  (EAI_NONAME, EAI_NODATA, EAI_ADDRFAMILY, EAI_SERVICE)
 *   -EREMOTEIO     the name servers were not reached, or failed: it may be
 *                  worth to try later (EAI_AGAIN, EAI_FAIL, all others).
 *                  Not -EAGAIN, which means "pending" here
 *   -ENAMETOOLONG  of the name, or of a part of it (EAI_OVERFLOW)
 *   -EINVAL        the name is empty
 *   -ENOMEM        no memory (EAI_MEMORY), or no thread for the look-up
 *   -ENODEV        the thread has no blocking pool
 *   -ECANCELED     the blocking pool was stopped
 *   -EMFILE, ...   what a system call said (EAI_SYSTEM)
 *
 * Dropped during the look-up, which cannot be stopped, it leaves that to end
 * by itself on the pool's thread.
 */
struct rv_resolve {
    struct rv_future future;

    /* Output: `result` of them when READY, until rv_drop(). */
    const struct rv_addr *addrs;

    /* Private. */
    const char *host;
    struct rv_addr own[2]; /* of those that need no look-up */
    struct rv_blocking call;
    struct rv_lookup *lookup;
    uint16_t port;
};

/*
 * The addresses of `host` (a name, an IPv4 or an IPv6 address, or localhost),
 * each with this port. localhost is 127.0.0.1, then ::1.
 *
 * Owns: `host` stays the caller's, and where it is until the first poll.
 */
void rv_resolve_init(struct rv_resolve *resolve, const char *host,
                     uint16_t port);

/* The next address is tried when the last has not answered for so long: the
 * Connection Attempt Delay that RFC 8305 recommends in section 8. */
enum { RV_DIAL_DELAY_MS = 250 };

/* Private: one address that is being tried. */
struct rv_dial_attempt {
    struct rv_tcp_connect connect;
    struct rv_stream stream;
};

/*
 * result: 0; -ETIMEDOUT when the deadline passed; what rv_resolve said; or,
 * if no address of the name could be connected to, the error of the first,
 * which is the one that the system prefers; -ENOMEM. *stream is a socket only
 * after 0.
 */
struct rv_dial {
    struct rv_future future;

    /* What to send first: as in rv_tcp_connect. Only the address that takes
     * the connection gets it. */
    const void *first;
    size_t first_len_bytes;
    size_t first_sent_bytes;

    /* Set between init and the first poll if wanted; it is RV_DIAL_DELAY_MS.
     * 0: try all at once. RV_NEVER: only when the last has failed. */
    int64_t delay_ns;

    /* Private. */
    struct rv_stream *stream;
    struct rv_resolve resolve;
    struct rv_dial_attempt attempt; /* of the first address */
    struct rv_dial_race *race;      /* of the others, if they are needed */
    struct rv_sleep limit;          /* of the whole */
    struct rv_sleep delay;          /* until the next address is tried */
    int32_t count;                  /* of the addresses, when they are known */
    int32_t started;
};

/*
 * Look up `host`, then connect to the first of its addresses that answers
 * (RFC 8305, "Happy Eyeballs"): they are tried in turn, IPv6 and IPv4 after
 * each other, each `delay_ns` after the one before or at once when that has
 * failed, while the earlier ones go on. The first connection wins, the others
 * are closed. The deadline, or RV_NEVER, is for all of it. Without a deadline
 * the kernel gives up on addresses that do not answer, after minutes.
 *
 * Owns: `host` as for rv_resolve_init(); `stream` stays where it is until the
 * future is READY or dropped, and is the caller's to close after 0.
 */
void rv_dial_init(struct rv_dial *dial, const char *host, uint16_t port,
                  int64_t deadline_ns, struct rv_stream *stream);

#endif /* RV_RESOLVE_H */
