/* SPDX-License-Identifier: MIT */
/*
 * delay.h - the delay server: responses that come late, in drips, or never.
 *
 *     struct rv_http_handler handler = delay_handler();
 *     rv_http_server_init(&server, &addr, &handler);
 *
 * Linked into the program and its tests only, not into the library.
 */
#ifndef RV_CLI_DELAY_H
#define RV_CLI_DELAY_H

#include <reveil/http_server.h>

/* Limits; a request for more gets status 400. */
enum {
    DELAY_MAX_MS = 3600 * 1000, /* one hour */
    DELAY_MAX_DRIPS = 1000000,  /* bytes, one by one */
    DELAY_MAX_KB = 1024 * 1024, /* 1 GiB */
    DELAY_HALF_BYTES = 1000     /* announced by /half; it sends 500 */
};

/* The response for "/" and unknown paths: a list of the known ones. */
extern const char delay_hint[];

/* The handler of the delay server. Its only state is in its frames. */
struct rv_http_handler delay_handler(void);

/*
 * Get a piece of the body of /big/..., from byte `at` on.
 * Returns: its length, from 1 byte to 16 KiB.
 */
size_t delay_pattern(uint64_t at, const char **piece);

#endif /* RV_CLI_DELAY_H */
