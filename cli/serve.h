/* SPDX-License-Identifier: MIT */
/*
 * serve.h - the delay server as a program: options, messages, N executors.
 *
 * cmd_serve.c calls serve_many.c; both call serve.c.
 */
#ifndef RV_CLI_SERVE_H
#define RV_CLI_SERVE_H

#include <reveil/http_server.h>
#include <reveil/net.h>
#include <reveil/runtime.h>
#include <reveil/signal.h>

struct serve_options {
    int64_t port;
    int64_t grace_s;
    int64_t executors;
    int64_t idle_s;
    int64_t max_connections; /* 0: no limit */
    const char *host;
    struct rv_runtime_options runtime;
    bool quiet;
};

/* The address to listen on. Returns: CLI_OK, or CLI_USAGE with a message. */
int serve_addr(const struct serve_options *options, struct rv_addr *out);

/* Set the idle timeout and the limit of connections. */
void serve_set_limits(const struct serve_options *options,
                      struct rv_http_server *server);

/* Print why it cannot listen. Returns: CLI_FAILED. */
int serve_listen_error(const struct serve_options *options, int error);

/* Print where it listens, unless --quiet. Returns: 0, -EIO. */
int serve_say_where(const struct serve_options *options,
                    const struct rv_addr *addr);

/* Print how many responses are still open, unless --quiet. */
void serve_say_stopping(const struct serve_options *options,
                        uint32_t responses);

/* Open the signals that stop it. Returns: 0, negative errno. */
int serve_signals_open(struct rv_signals *signals);

/*
 * Serve on `options->executors` threads beside `runtime`, until a signal.
 *
 * Returns: CLI_OK, or the exit status after a message.
 */
int serve_many(struct rv_runtime *runtime, const struct serve_options *options);

#endif /* RV_CLI_SERVE_H */
