/* SPDX-License-Identifier: MIT */
/*
 * delay.h - the delay server: responses that come late, in drips, or never.
 *
 *     struct rv_http_handler handler = delay_handler();
 *     rv_http_server_init(&server, &addr, &handler);
 *
 * Part of the library for the program and its tests only.
 */
#ifndef RV_CLI_DELAY_H
#define RV_CLI_DELAY_H

#include <reveil/http_server.h>

/* What may be asked for; more is answered by 400. */
enum {
    DELAY_MAX_MS = 3600 * 1000, /* one hour */
    DELAY_MAX_DRIPS = 1000000,  /* bytes, one by one */
    DELAY_MAX_KB = 1024 * 1024, /* 1 GiB */
    DELAY_HALF_BYTES = 1000     /* promised by /half; it sends 500 */
};

/* What "/" and unknown paths are answered by: a list of the others. */
extern const char delay_hint[];

/* The handler of the delay server. It has no state beside its frames. */
struct rv_http_handler delay_handler(void);

/*
 * The body of /big/..., from byte `at` on, as much as comes in one piece.
 * Returns: its length, at most 16 KiB and at least 1.
 */
size_t delay_pattern(uint64_t at, const char **piece);

#endif /* RV_CLI_DELAY_H */
