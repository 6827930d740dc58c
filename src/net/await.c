/* SPDX-License-Identifier: MIT */
/*
 * await.c - the operations of this part as plain calls for coroutines.
 *
 * Each one awaits its future: that tries the system call first too, counts it
 * against the I/O budget of the task, and notices a cancel. Without that, a
 * coroutine whose peer always has data would never let another task run, and
 * could not be canceled.
 *
 * Threads: those of the coroutine.
 */
#include <errno.h>
#include <reveil/combine.h>
#include <reveil/coro.h>
#include <reveil/net.h>
#include <reveil/process.h>
#include <reveil/resolve.h>
#include <reveil/signal.h>
#include <reveil/udp.h>
#include <reveil/unix.h>

#include "net/net_internal.h"

/*
 * A wait has ended without a result. The reactor may not have reported yet what
 * has arrived, as in a coroutine that asks again and again without waiting. So
 * the deadline passes only after one more system call. Returns: true if that
 * call is due.
 */
static bool has_timed_out(const struct rv_future *future, int result)
{
    return result == -ETIMEDOUT && future->result == -ECANCELED;
}

/* The result of such a call. */
static int last_try(ssize_t result)
{
    return result == -EAGAIN ? -ETIMEDOUT : (int)result;
}

/* --- streams ----------------------------------------------------------- */

int rv_tcp_connect(const struct rv_addr *addr, struct rv_stream *out,
                   int64_t deadline_ns)
{
    struct rv_tcp_connect connect;

    rv_tcp_connect_init(&connect, addr, out);
    return rv_await_and_drop(&connect.future, deadline_ns);
}

int rv_dial(const char *host, uint16_t port, struct rv_stream *out,
            int64_t deadline_ns)
{
    struct rv_dial dial;

    rv_dial_init(&dial, host, port, deadline_ns, out);
    return rv_await_and_drop(&dial.future, RV_NEVER);
}

int rv_unix_connect(const char *path, struct rv_stream *out,
                    int64_t deadline_ns)
{
    struct rv_unix_connect connect;

    rv_unix_connect_init(&connect, path, out);
    return rv_await_and_drop(&connect.future, deadline_ns);
}

int rv_stream_accept(struct rv_stream *listener, struct rv_stream *out,
                     struct rv_addr *peer, int64_t deadline_ns)
{
    struct rv_stream_accept accept;
    int result;

    rv_stream_accept_init(&accept, listener, out);
    accept.peer = peer;
    result = rv_await_and_drop(&accept.future, deadline_ns);
    return has_timed_out(&accept.future, result)
               ? last_try(rv_stream_try_accept(listener, out, peer))
               : result;
}

int rv_stream_recv(struct rv_stream *stream, void *buffer, size_t len_bytes,
                   int64_t deadline_ns)
{
    struct rv_stream_recv recv;
    int result;

    rv_stream_recv_init(&recv, stream, buffer, len_bytes);
    result = rv_await_and_drop(&recv.future, deadline_ns);
    return has_timed_out(&recv.future, result)
               ? last_try(rv_stream_try_recv(stream, buffer, len_bytes))
               : result;
}

int rv_stream_recv_whole(struct rv_stream *stream, void *buffer,
                         size_t len_bytes, size_t *got_bytes,
                         int64_t deadline_ns)
{
    struct rv_stream_recv_whole recv;
    int result;

    rv_stream_recv_whole_init(&recv, stream, buffer, len_bytes);
    result = rv_await_and_drop(&recv.future, deadline_ns);
    while (has_timed_out(&recv.future, result) && recv.got_bytes < len_bytes) {
        const ssize_t n = rv_stream_try_recv(
            stream, recv.buffer + recv.got_bytes, len_bytes - recv.got_bytes);

        if (n <= 0) {
            result = n == 0 ? -ENOMSG : last_try(n);
            break;
        }
        recv.got_bytes += (size_t)n;
        if (recv.got_bytes == len_bytes)
            result = 0;
    }
    *got_bytes = recv.got_bytes;
    return result;
}

int rv_stream_send(struct rv_stream *stream, const void *data, size_t len_bytes,
                   int64_t deadline_ns)
{
    struct rv_stream_send send;

    rv_stream_send_init(&send, stream, data, len_bytes);
    return rv_await_and_drop(&send.future, deadline_ns);
}

int rv_stream_sendv(struct rv_stream *stream, const struct iovec *pieces,
                    size_t count, int64_t deadline_ns)
{
    struct rv_stream_sendv send;

    rv_stream_sendv_init(&send, stream, pieces, count);
    return rv_await_and_drop(&send.future, deadline_ns);
}

/* --- datagrams --------------------------------------------------------- */

int rv_udp_recv_from(struct rv_udp *udp, void *buffer, size_t len_bytes,
                     struct rv_addr *from, int64_t deadline_ns)
{
    struct rv_udp_recv_from recv;
    int result;

    rv_udp_recv_from_init(&recv, udp, buffer, len_bytes);
    result = rv_await_and_drop(&recv.future, deadline_ns);
    if (has_timed_out(&recv.future, result))
        return last_try(rv_udp_try_recv_from(udp, buffer, len_bytes, from));
    if (result >= 0 && from)
        *from = recv.from;
    return result;
}

int rv_udp_send_to(struct rv_udp *udp, const void *data, size_t len_bytes,
                   const struct rv_addr *to, int64_t deadline_ns)
{
    struct rv_udp_send_to send;

    rv_udp_send_to_init(&send, udp, data, len_bytes, to);
    return rv_await_and_drop(&send.future, deadline_ns);
}

int rv_unix_recv(struct rv_stream *stream, struct rv_unix_message *message,
                 int64_t deadline_ns)
{
    struct rv_unix_recv recv;
    int result;

    rv_unix_recv_init(&recv, stream, message);
    result = rv_await_and_drop(&recv.future, deadline_ns);
    return has_timed_out(&recv.future, result)
               ? last_try(rv_unix_try_recv(stream, message))
               : result;
}

int rv_unix_send(struct rv_stream *stream,
                 const struct rv_unix_message *message, int64_t deadline_ns)
{
    struct rv_unix_send send;

    rv_unix_send_init(&send, stream, message);
    return rv_await_and_drop(&send.future, deadline_ns);
}

/* --- names, signals, processes ----------------------------------------- */

int rv_resolve(const char *host, uint16_t port, struct rv_addr *addrs,
               size_t count, int64_t deadline_ns)
{
    struct rv_resolve resolve;
    struct rv_timeout timeout;
    int found;

    rv_resolve_init(&resolve, host, port);
    rv_timeout_init(&timeout, &resolve.future, deadline_ns);
    found = rv_await(&timeout.future);
    if (found > 0 && (size_t)found > count)
        found = (int)count;
    for (int i = 0; i < found; i++)
        addrs[i] = resolve.addrs[i];
    rv_drop(&timeout.future);
    rv_drop(&resolve.future);
    return found;
}

int rv_signal_wait(struct rv_signals *signals, int64_t deadline_ns)
{
    struct rv_signal_wait wait;
    int result;

    rv_signal_wait_init(&wait, signals);
    result = rv_await_and_drop(&wait.future, deadline_ns);
    return has_timed_out(&wait.future, result)
               ? last_try(rv_signal_try_wait(signals))
               : result;
}

int rv_process_wait(struct rv_process *process, int *exit_code, int *signal,
                    int64_t deadline_ns)
{
    struct rv_process_wait wait;
    int result;

    rv_process_wait_init(&wait, process);
    result = rv_await_and_drop(&wait.future, deadline_ns);
    if (has_timed_out(&wait.future, result))
        return last_try(rv_process_try_wait(process, exit_code, signal));
    if (result == 0 && exit_code)
        *exit_code = wait.exit_code;
    if (result == 0 && signal)
        *signal = wait.signal;
    return result;
}
