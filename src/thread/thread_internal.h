/* SPDX-License-Identifier: MIT */
/*
 * thread_internal.h - what the files of the thread part share, including the
 * assembly.
 *
 * The end of a new stack, where the thread starts:
 *
 *       high  | args, copied there      |  aligned to 16
 *             | alive                   |  frame + 24: the CLEARTID word
 *             | main                    |  frame + 16: rsp at rv_thread_begin
 *             | rv_thread_begin         |  frame + 8:  popped by RET
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

/* ThreadSanitizer crashes on a thread whose start it did not see. */
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
    "clone_*.S uses these offsets");

/*
 * Call clone() with `frame` as the child's stack. Only the parent returns.
 *
 * alive:   set to the thread's id now, and to 0 when the thread has ended.
 * Returns: the thread's id, negative errno.
 */
long rv_thread_clone(unsigned long flags, struct rv_thread_frame *frame,
                     _Atomic uint32_t *alive);

/* The first code of a thread: calls main(args), then ends the thread. */
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

/* The system calls of the loop. They return the result; bare ones return -errno
 * on failure, the others -1. */
struct rv_pipe_thread_io {
    long (*read)(int fd, void *buffer, size_t len_bytes);
    long (*write)(int fd, const void *buffer, size_t len_bytes);
    long (*close)(int fd);
    void (*run)(struct rv_callable *callable);
};

/* The main function of a bare pipe thread; in bare.c, which is freestanding.
 * args: a struct rv_pipe_thread_args. */
void rv_pipe_thread_bare_main(void *args);

#endif /* __ASSEMBLER__ */
#endif /* RV_THREAD_INTERNAL_H */
