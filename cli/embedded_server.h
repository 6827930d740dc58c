/* SPDX-License-Identifier: MIT */
/*
 * embedded_server.h - the delay server on a thread of this program.
 *
 * It has its own runtime and writes no trace: the figures and the log of the
 * program do not include it.
 */
#ifndef RV_CLI_EMBEDDED_SERVER_H
#define RV_CLI_EMBEDDED_SERVER_H

#include <stdint.h>

struct embedded_server {
    struct embedded_server_state *state; /* private */
};

/* Listen on a free loopback port. Returns: 0, negative errno. */
int embedded_server_start(struct embedded_server *server, uint16_t *port);

/* Close its connections, stop its runtime and join the thread. */
void embedded_server_stop(struct embedded_server *server);

#endif /* RV_CLI_EMBEDDED_SERVER_H */
