/* SPDX-License-Identifier: MIT */
/* error_note.h - what the last error of a kind was about. */
#ifndef RV_ERROR_NOTE_H
#define RV_ERROR_NOTE_H

#include <stdbool.h>

/* This thread has a note, made outside of coroutines, of which nothing shows
 * yet that the program has gone on after the error. */
extern _Thread_local bool rv_error_noted;

/*
 * Remember what an error of a listen or a bind was about, for rv_exit_status():
 * an int has no room for an address. The last one counts, until it is
 * forgotten. In a coroutine call rv_coro_note().
 *
 * error:   a negative errno; 0: a listen has succeeded, and an earlier error
 *          does not matter any more.
 * about:   an address or a path; copied, cut to 63 bytes. NULL with 0.
 * Threads: any.   Returns: `error`.
 */
int rv_error_note(int error, const char *about);

/* The program goes on after an error that was noted: a later error of the same
 * number is another one. Unless that `result` is what it goes on with. */
void rv_error_forget(int result);

#endif /* RV_ERROR_NOTE_H */
