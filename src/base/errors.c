/* SPDX-License-Identifier: MIT */
/*
 * errors.c - see errors.h.
 *
 * Threads: any.
 */
#include <errno.h>
#include <limits.h>
#include <reveil/errors.h>
#include <stdio.h>
#include <string.h>

#include "base/base_internal.h"

/* The first group are the errors for which the words of strerror() would
 * mislead; the others are in the style of the first. */
static const struct {
    int number;
    const char *text;
} texts[] = {
    {EAGAIN, "not ready, or a resource is used up: try again later"},
    {EALREADY, "it was done already"},
    {EBADF, "closed, or not an open descriptor"},
    {EBADMSG, "malformed message"},
    {EBUSY, "in use by another operation"},
    {ECANCELED, "canceled"},
    {ECHILD, "there is nothing to wait for"},
    {EDEADLK, "deadlock: it would wait for ever"},
    {ELOOP, "too many redirects or symbolic links"},
    {EMFILE, "too many open descriptors: see ulimit -n"},
    {EMSGSIZE, "too long for a buffer or a limit"},
    {ENFILE, "too many open files on this machine"},
    {ENODEV, "this thread has no reactor, ring or pool for it"},
    {ENOMSG, "the input ended too early"},
    {ENOTSUP, "not supported"},
    {ENXIO, "no such host"},
    {EPIPE, "the other end is closed"},
    {EPROTONOSUPPORT, "a protocol or URL scheme that is not supported"},
    {EREMOTEIO, "the name servers do not answer"},
    {ESHUTDOWN, "another task has canceled the stream or socket"},
    {ESTALE, "it belongs to a parent process: see fork() in runtime.h"},
    {ETIMEDOUT, "timed out"},

    {EACCES, "permission denied"},
    {EADDRINUSE, "the address is in use"},
    {EADDRNOTAVAIL, "not an address of this machine"},
    {EAFNOSUPPORT, "a kind of address that is not supported"},
    {ECONNABORTED, "connection aborted"},
    {ECONNREFUSED, "connection refused"},
    {ECONNRESET, "connection reset by the peer"},
    {EDESTADDRREQ, "no destination address"},
    {EEXIST, "it exists already"},
    {EFBIG, "file too large"},
    {EHOSTUNREACH, "no route to the host"},
    {EINVAL, "invalid argument"},
    {EIO, "input/output error"},
    {EISDIR, "is a directory"},
    {ENAMETOOLONG, "name too long"},
    {ENETUNREACH, "network unreachable"},
    {ENOBUFS, "out of buffer space"},
    {ENOENT, "no such file or directory"},
    {ENOMEM, "out of memory"},
    {ENOSPC, "no space left"},
    {ENOSYS, "this kernel does not have it"},
    {ENOTCONN, "not connected"},
    {ENOTDIR, "not a directory"},
    {ENOTEMPTY, "directory not empty"},
    {EPERM, "not permitted"},
    {EPROTO, "protocol error"},
    {ESRCH, "no such process"},
};

/* Returns: the positive number; 0 for the one that has none. */
static int number_of(int error)
{
    if (error == INT_MIN)
        return 0;
    return error < 0 ? -error : error;
}

const char *rv_strerror(int error)
{
    const int number = number_of(error);
    const char *text;

    if (error == 0)
        return "success";
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].number == number)
            return texts[i].text;
    text = strerrordesc_np(number);
    return number > 0 && text ? text : "unknown error";
}

/*
 * No lock, which a child of fork() could find locked for ever. A reader that
 * sees the same error before and after the text has a text that was stored for
 * such an error; of two that are stored at the same time, it may be a mixture.
 */
enum { NOTE_BYTES = 64 };

static _Atomic int note_error;
static _Atomic uint64_t note_about[NOTE_BYTES / sizeof(uint64_t)];

_Thread_local bool rv_error_noted;

int rv_error_note(int error, const char *about)
{
    rv_error_noted = error != 0;
    if (error) {
        /* seq_cst, here and below: it is no hot path. */
        atomic_store(&note_error, 0);
        rv_store_text(note_about, NOTE_BYTES, about);
    }
    atomic_store(&note_error, error);
    return error;
}

void rv_error_forget(int result)
{
    rv_error_noted = false;
    if (atomic_load(&note_error) != result)
        atomic_store(&note_error, 0);
}

int rv_exit_status(const char *name, int result)
{
    char about[NOTE_BYTES] = "";

    if (result >= 0)
        return 0;
    if (atomic_load(&note_error) == result)
        rv_load_text(about, NOTE_BYTES, note_about);
    if (atomic_load(&note_error) != result)
        about[0] = '\0';
    fprintf(stderr, "%s: %s%s%s\n", name, about, about[0] ? ": " : "",
            rv_strerror(result));
    return 1;
}

const char *rv_error_name(int error)
{
    const char *name = strerrorname_np(number_of(error));

    if (error == 0)
        return "0";
    return number_of(error) > 0 && name ? name : "?";
}
