/* SPDX-License-Identifier: MIT */
/* error_note.h - what the last error of a kind was about. */
#ifndef RV_ERROR_NOTE_H
#define RV_ERROR_NOTE_H

/*
 * Remember what an error of a listen or a bind was about, for rv_exit_status():
 * an int has no room for an address. The last one counts.
 *
 * error:   a negative errno; 0: a listen has succeeded, and an earlier error
 *          does not matter any more.
 * about:   an address or a path; copied, cut to 63 bytes. NULL with 0.
 * Threads: any.   Returns: `error`.
 */
int rv_error_note(int error, const char *about);

#endif /* RV_ERROR_NOTE_H */
