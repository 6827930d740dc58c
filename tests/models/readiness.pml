/* SPDX-License-Identifier: MIT */
/*
 * readiness.pml - Spin's model of one direction in src/reactor/source.c.
 *
 * A peer writes single bytes, the reactor reports each edge, and one task reads
 * until it has them all. What can go wrong: the task waits forever while a byte
 * is in the kernel, which is an invalid end state.
 *
 * The wake itself is one flag here; ready.pml models the ready queue.
 *
 * MUTANTS: 1 2 3
 *   1  SOURCE-1: a poll stores its waker and does not check again
 *   2  SOURCE-1: a poll checks again before it stores its waker
 *   3  SOURCE-2: READY is cleared without comparing the tick
 */
#ifndef MUTANT
#define MUTANT 0
#endif

#define BYTES 4

/* The kernel: the bytes to read, and whether epoll has an edge to report. */
byte in_kernel = 0;
bool edge = false;

/* struct rv_source: the word and the waker of one direction. It starts READY,
 * because I/O is tried first. */
bool ready = true;
byte tick = 0;
bool waker = false;
bool mutex = false;

/* The task is in its ready queue. */
bool woken = true;
/* How often the task is polled for another reason than this source. */
byte other_wakes = 1;

#define LOCK   atomic { !mutex -> mutex = true }
#define UNLOCK mutex = false

proctype peer()
{
    byte i = 0;

    do
    :: i == BYTES -> break
    :: else ->
        /* write(2): the byte and the edge are one for the reader. */
        d_step { in_kernel++; edge = true; i++ }
    od
}

proctype reactor()
{
    bool batch;

end:
    do
    :: edge ->
        edge = false; /* epoll_wait() tells it once */

        /* rv_source_report(): note() and rv_wake_batch_add() */
        LOCK;
        d_step { ready = true; tick++ }
        d_step { batch = waker; waker = false }
        UNLOCK;

        /* SOURCE-3: rv_wake_batch_deliver() */
        if
        :: batch -> woken = true
        :: else
        fi;
        batch = false
    od
}

proctype task()
{
    byte got = 0;
    byte seen_tick;
    bool usable;

poll:
    if
    :: d_step { woken -> woken = false }
    :: d_step { other_wakes > 0 -> other_wakes-- }
    fi;

look:
    /* rv_source_ready(), without the mutex: "not ready" may be old news. */
    if
    :: d_step { ready -> seen_tick = tick } goto io
    :: skip
    fi;

    /* leave_waker() */
#if MUTANT == 1
    LOCK;
    waker = true;
    UNLOCK;
    goto poll; /* RV_PENDING */
#elif MUTANT == 2
    d_step { usable = ready; seen_tick = tick }
    LOCK;
    waker = true;
    UNLOCK;
#else
    LOCK;
    waker = true;
    d_step { usable = ready; seen_tick = tick }
    UNLOCK;
#endif
    if
    :: usable -> goto io
    :: else -> goto poll /* RV_PENDING */
    fi;

io:
    /* read(2) of one byte */
    if
    :: d_step { in_kernel > 0 -> in_kernel--; got++ }
       if
       :: got == BYTES -> goto over
       :: else -> goto look
       fi
    :: d_step { in_kernel == 0 -> skip } /* EAGAIN */
    fi;

    /* rv_source_clear() */
#if MUTANT == 3
    ready = false;
#else
    d_step {
        if
        :: tick == seen_tick -> ready = false
        :: else
        fi
    }
#endif
    goto look;

over:
    assert(in_kernel == 0)
}

init
{
    atomic {
        run peer();
        run reactor();
        run task()
    }
}
