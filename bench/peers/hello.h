/* SPDX-License-Identifier: MIT */
/*
 * hello.h - shared by the server peers: minimal parsing, and the same response
 * as that of server.c.
 *
 * They find the end of a request, its version, and whether the connection stays
 * open. They have no bodies, no deadlines, and no limit but the buffer: they
 * show how fast an unsafe server can be.
 */
#ifndef RV_BENCH_HELLO_H
#define RV_BENCH_HELLO_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

enum { HELLO_BUFFER = 4096 };

struct hello_connection {
    size_t in_len;
    size_t out_len;
    bool close; /* after what is in `out` is sent */
    char in[HELLO_BUFFER];
    char out[HELLO_BUFFER];
};

/*
 * Remove each complete request from `in` and append its response to `out`,
 * while there is room. Returns: false if the connection must be closed.
 */
bool hello_answer(struct hello_connection *connection);

/* 127.0.0.1, any free port. */
struct sockaddr_in hello_addr(void);

#endif /* RV_BENCH_HELLO_H */
