/* SPDX-License-Identifier: MIT */
/*
 * thread_internal.h - what the files of the thread part share, the assembly
 * included.
 *
 * The end of a new stack, where the thread begins:
 *
 *       high  | args, copied there      |  aligned to 16
 *             | alive                   |  frame + 24: the CLEARTID word
 *             | main                    |  frame + 16: rsp when it begins
 *             | rv_thread_begin         |  frame + 8:  RET goes there
 *     frame ->| pointer to args         |  frame + 0:  rsp after clone()
 *       low   | ... the stack grows ... |
 */
#ifndef RV_THREAD_INTERNAL_H
#define RV_THREAD_INTERNAL_H

#include "base/sanitizers.h"

#define RV_THREAD_FRAME_ARGS  0
#define RV_THREAD_FRAME_BEGIN 8
#define RV_THREAD_FRAME_MAIN  16
#define RV_THREAD_FRAME_ALIVE 24
#define RV_THREAD_FRAME_BYTES 32

/* ThreadSanitizer crashes on a thread that it did not see begin. */
#if (defined(__x86_64__) || defined(__aarch64__)) && !RV_TSAN
#define RV_THREAD_BARE 1
#else
#define RV_THREAD_BARE 0
#endif

#ifndef __ASSEMBLER__

#include <reveil/callable.h>
#include <reveil/thread.h>

struct rv_thread_frame {
    void *args;
    void (*begin)(void);
    rv_thread_main main;
    _Atomic uint32_t alive;
};

_Static_assert(
    offsetof(struct rv_thread_frame, args) == RV_THREAD_FRAME_ARGS &&
        offsetof(struct rv_thread_frame, begin) == RV_THREAD_FRAME_BEGIN &&
        offsetof(struct rv_thread_frame, main) == RV_THREAD_FRAME_MAIN &&
        offsetof(struct rv_thread_frame, alive) == RV_THREAD_FRAME_ALIVE &&
        sizeof(struct rv_thread_frame) == RV_THREAD_FRAME_BYTES,
    "clone_*.S counts on these slots");

/*
 * clone() whose child begins at `frame`. Only the parent comes back.
 *
 * alive:   gets the thread's id, and 0 when it is over.
 * Returns: the thread's id, negative errno.
 */
long rv_thread_clone(unsigned long flags, struct rv_thread_frame *frame,
                     _Atomic uint32_t *alive);

/* Where a thread begins: calls main(args), then ends the thread. */
void rv_thread_begin(void);

/* --- the pipe thread's side of the pipes ------------------------------- */

struct rv_packet {
    struct rv_callable *callable;
    uint64_t size_bytes;
};

_Static_assert(sizeof(struct rv_packet) == 16, "16 bytes in");

/* A pipe thread's ends of its pipes; it closes them itself. */
struct rv_pipe_thread_args {
    int jobs_fd;
    int done_fd;
};

/* How to read, write and close without errno: the result or -errno. */
struct rv_pipe_thread_io {
    long (*read)(int fd, void *buffer, size_t len_bytes);
    long (*write)(int fd, const void *buffer, size_t len_bytes);
    long (*close)(int fd);
};

/* The body of a bare pipe thread (struct rv_pipe_thread_args); in bare.c, which
 * is freestanding. */
void rv_pipe_thread_bare_main(void *args);

#endif /* __ASSEMBLER__ */
#endif /* RV_THREAD_INTERNAL_H */
