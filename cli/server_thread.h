/* SPDX-License-Identifier: MIT */
/*
 * server_thread.h - the delay server inside this program, on its own thread.
 *
 * It has a runtime of its own and writes no trace, so what the program does
 * beside it is all that its figures and its log show.
 */
#ifndef RV_SERVER_THREAD_H
#define RV_SERVER_THREAD_H

#include <stdint.h>

struct server_thread {
    struct server_thread_state *state; /* private */
};

/* Listen on a free loopback port. Returns: 0, negative errno. */
int server_thread_start(struct server_thread *server, uint16_t *port);

/* Close its connections, stop its runtime and join the thread. */
void server_thread_stop(struct server_thread *server);

#endif /* RV_SERVER_THREAD_H */
