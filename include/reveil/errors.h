/* SPDX-License-Identifier: MIT */
/*
 * errors.h - the errors of this library, in words.
 *
 *     error = rv_executor_new(&executor);
 *     if (error < 0) {
 *         fprintf(stderr, "no executor: %s (%s)\n", rv_strerror(error),
 *                 rv_error_name(error));
 *         return 1;
 *     }
 *
 * Every error is a negative errno. The library uses some of them with a meaning
 * of its own: -ENXIO is a name that does not exist, for which strerror() says
 * "No such device or address". rv_strerror() says "no such host".
 */
#ifndef RV_ERRORS_H
#define RV_ERRORS_H

#include <reveil/export.h>

RV_BEGIN_DECLS

/*
 * What has happened, in English, in lower case: "connection refused".
 *
 * error:   a result of this library; the positive errno is accepted too.
 * Threads: any, and signal handlers.
 * Returns: a constant string, also for an unknown number; "success" for 0.
 */
const char *rv_strerror(int error);

/* The name of the number: "ECONNREFUSED"; "0" for 0, "?" if it is unknown.
 * Otherwise as rv_strerror(). */
const char *rv_error_name(int error);

/*
 * The exit status of a program: 1 if `result` is an error, else 0. An error is
 * printed to stderr: "NAME: what has happened".
 *
 *     return rv_exit_status("echo", rv_run(server, NULL));
 *
 * If it is the error of the last listen or bind, and the program has done
 * nothing else since, the address is printed too: "echo: 127.0.0.1:80:
 * permission denied"; of a Unix socket the first 63 bytes of the path; "*:80"
 * for all addresses. Something else is a listen or bind that succeeds; a wait
 * of the coroutine that got the error, or its end with another result; and, if
 * it was no coroutine, a wait of the thread.
 *
 * Threads: any.
 */
int rv_exit_status(const char *name, int result);

RV_END_DECLS

#endif /* RV_ERRORS_H */
