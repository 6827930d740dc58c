/* SPDX-License-Identifier: MIT */
/*
 * reveil.h - all of the library.
 *
 * How objects end. The verb tells what is freed and whether the call waits:
 *
 *   verb      used for                what it does                     waits
 *   drop      futures, wakers,        cancels what is not complete     no
 *             joins, rv_go            and frees what the object
 *                                     holds; the caller owns the
 *                                     struct itself
 *   abort     tasks                   cancels the task; its join       no
 *                                     still has to be dropped
 *   fini      structs that the        frees what the struct holds      no
 *             caller embeds
 *   free      objects from a _new()   frees the object                 1)
 *   put       objects with a          gives one reference back; the    no
 *             reference count         last one frees the object
 *   close     descriptors, ends of    ends the use of it: peers see    no
 *             channels                the end; frees what it holds
 *   stop      objects with threads    ends their work, joins the       yes
 *                                     threads, frees the object  2)
 *   shutdown  the HTTP server         begins the end: the future is    no
 *                                     READY when the last connection
 *                                     has gone; frees nothing
 *   disable   task dumps              undoes one enable; frees         no
 *                                     nothing
 *
 *   1) Only rv_ring_free() waits: for operations that cannot be canceled.
 *   2) A stop with a deadline (the pools) returns -ETIMEDOUT if calls still run
 *      then. The caller must not use the object afterwards in either case.
 *
 * The current objects of a thread. A future does not store where it runs. In a
 * poll it finds four objects through thread-local variables, which together
 * are the environment of the thread:
 *
 *   object                 read by                  set by
 *   reactor                rv_reactor_current()     rv_reactor_enter()
 *   ring                   rv_ring_current()        rv_ring_enter()
 *   pool for calls that    (private)                rv_blocking_enter()
 *   block
 *   CPU pool               rv_cpu_current()         rv_cpu_enter()
 *
 * rv_runtime_start() sets all four for the calling thread, and
 * rv_runtime_stop() restores the earlier ones. rv_executors_start() sets them
 * on each of its threads, and each worker of rv_sched on its own thread.
 * Programs that start the parts themselves set them. They are thread-local
 * variables, not arguments of each future, so that a future can be initialized
 * anywhere and then moved to the thread that polls it. They are four variables,
 * not one struct, because a program may have one without the others: a reactor
 * without a ring, a pool without a reactor. A future that needs one that is
 * NULL fails with -ENODEV.
 */
#ifndef REVEIL_H
#define REVEIL_H

#include <reveil/async.h>
#include <reveil/atomic.h>
#include <reveil/backoff.h>
#include <reveil/base.h>
#include <reveil/blocking.h>
#include <reveil/bounded.h>
#include <reveil/buf.h>
#include <reveil/bytes.h>
#include <reveil/callable.h>
#include <reveil/channel.h>
#include <reveil/combine.h>
#include <reveil/coro.h>
#include <reveil/cpu.h>
#include <reveil/dir.h>
#include <reveil/embedded.h>
#include <reveil/errors.h>
#include <reveil/executor.h>
#include <reveil/executors.h>
#include <reveil/export.h>
#include <reveil/fd.h>
#include <reveil/fd_io.h>
#include <reveil/file.h>
#include <reveil/future.h>
#include <reveil/http.h>
#include <reveil/http_client.h>
#include <reveil/http_exchange.h>
#include <reveil/http_server.h>
#include <reveil/http_sink.h>
#include <reveil/http_source.h>
#include <reveil/interval.h>
#include <reveil/io.h>
#include <reveil/mpsc.h>
#include <reveil/net.h>
#include <reveil/oneshot.h>
#include <reveil/path.h>
#include <reveil/pipe_thread.h>
#include <reveil/process.h>
#include <reveil/publisher.h>
#include <reveil/reactor.h>
#include <reveil/reader.h>
#include <reveil/relay.h>
#include <reveil/remote.h>
#include <reveil/resolve.h>
#include <reveil/ring.h>
#include <reveil/run.h>
#include <reveil/runtime.h>
#include <reveil/sched.h>
#include <reveil/serve.h>
#include <reveil/signal.h>
#include <reveil/spsc.h>
#include <reveil/sync.h>
#include <reveil/task_dump.h>
#include <reveil/thread.h>
#include <reveil/timer.h>
#include <reveil/trace.h>
#include <reveil/udp.h>
#include <reveil/unix.h>
#include <reveil/version.h>
#include <reveil/waker.h>

#endif /* REVEIL_H */
