/* SPDX-License-Identifier: MIT */
/* reveil.h - all of the library. */
#ifndef REVEIL_H
#define REVEIL_H

#include <reveil/async.h>
#include <reveil/base.h>
#include <reveil/blocking.h>
#include <reveil/buf.h>
#include <reveil/callable.h>
#include <reveil/channel.h>
#include <reveil/combine.h>
#include <reveil/coro.h>
#include <reveil/cpu.h>
#include <reveil/executor.h>
#include <reveil/executors.h>
#include <reveil/file.h>
#include <reveil/future.h>
#include <reveil/http.h>
#include <reveil/http_client.h>
#include <reveil/http_server.h>
#include <reveil/http_sink.h>
#include <reveil/interval.h>
#include <reveil/mpsc.h>
#include <reveil/net.h>
#include <reveil/oneshot.h>
#include <reveil/pipe_thread.h>
#include <reveil/process.h>
#include <reveil/publisher.h>
#include <reveil/reactor.h>
#include <reveil/remote.h>
#include <reveil/resolve.h>
#include <reveil/ring.h>
#include <reveil/runtime.h>
#include <reveil/sched.h>
#include <reveil/signal.h>
#include <reveil/spsc.h>
#include <reveil/sync.h>
#include <reveil/task_dump.h>
#include <reveil/thread.h>
#include <reveil/trace.h>
#include <reveil/udp.h>
#include <reveil/unix.h>
#include <reveil/waker.h>

#endif /* REVEIL_H */
