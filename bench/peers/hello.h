/* SPDX-License-Identifier: MIT */
/*
 * hello.h - what the server peers share: little parsing, and the bytes that
 * server.c answers.
 *
 * Of a request they find the end, the version and whether the connection stays
 * open. No bodies, no limits but the buffer, no deadlines: they are as fast as
 * a server can be, not as safe.
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
 * Take every whole request out of `in` and put its answer into `out`, as long
 * as there is room. Returns: false when the client is to be hung up on.
 */
bool hello_answer(struct hello_connection *connection);

/* 127.0.0.1, any free port. */
struct sockaddr_in hello_addr(void);

#endif /* RV_BENCH_HELLO_H */
