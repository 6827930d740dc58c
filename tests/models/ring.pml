/* SPDX-License-Identifier: MIT */
/*
 * ring.pml - Spin's model of src/ring/ops.c and of the sleep in ring.c.
 *
 * An executor has OPS operations, some of which never complete unless they are
 * canceled. It drops those, and waits until all have completed. The kernel
 * takes one or two entries from the submission queue at a time, or refuses; it
 * completes operations in any order, and writes to the eventfd unless it was
 * told to be quiet. What can go wrong:
 *
 *   - memory is released while the kernel has the operation (assertion);
 *   - a completion finds the completion queue full (assertion);
 *   - the executor sleeps forever (invalid end state).
 *
 * The kernel's "set TASKRUN, then check whether to be quiet" and the executor's
 * "end the quiet, then check again" are two steps each, in the order that the
 * full barriers of rule QUEUES-5 give them.
 *
 * MUTANTS: 1 2 3 4 5
 *   1  OPS-1: a drop releases memory at once that the kernel still uses
 *   2  OPS-3: operations are submitted without a check for room
 *   3  OPS-3: no slot is reserved for cancels
 *   4  OPS-4: the submission is not retried if the kernel took nothing
 *   5  QUEUES-5: the executor does not check again after the quiet
 */
#ifndef MUTANT
#define MUTANT 0
#endif

#define OPS      3
#define CQ       2 /* slots in the completion queue */
#define CANCELS  1 /* ... kept for cancels */
#define REFUSALS 3 /* more than there are looks before a sleep */

#define NOTHING OPS /* no operation: a cancel's completion */

mtype = { WAITING, QUEUED, IN_KERNEL, COMPLETED, DONE };

mtype state[OPS] = WAITING;
bool endless[OPS];     /* only a cancel ends it */
bool dropped[OPS];
bool canceled[OPS];   /* the kernel has seen the cancel */
bool released[OPS];
bool to_cancel[OPS];   /* on ring->canceling */

byte in_flight = 0;    /* operations with an entry */
byte cancels = 0;      /* cancel entries without a completion */
byte unsubmitted = 0;  /* entries in the submission queue */
byte cancel_queued[OPS];
byte cq = 0;           /* completions not reaped yet */
byte cancel_done = 0;  /* ... of which are cancels' */

bool quiet = false;
bool eventfd = false;
bool asleep = false;
bool timer = false;    /* the reaper's pause */
bool stuck = false;
byte refusals = REFUSALS;
byte i;
byte finished = 0;
bool progress;         /* what rv_ring_drive() returns */

inline post()
{
    assert(cq < CQ);
    cq++
}

/* The kernel signals a completion, in two steps. `told` is local to it. */
inline tell()
{
    skip; /* TASKRUN is set: that is cq > 0 here */
    if
    :: !quiet -> eventfd = true
    :: else
    fi
}

active proctype kernel()
{
    byte k;

end:
    do
    :: atomic {
           (state[0] == IN_KERNEL && (!endless[0] || canceled[0])) -> k = 0
       }
       atomic {
           assert(!released[k]);
           state[k] = COMPLETED;
           post()
       }
       tell()
    :: atomic {
           (state[1] == IN_KERNEL && (!endless[1] || canceled[1])) -> k = 1
       }
       atomic {
           assert(!released[k]);
           state[k] = COMPLETED;
           post()
       }
       tell()
    :: atomic {
           (state[2] == IN_KERNEL && (!endless[2] || canceled[2])) -> k = 2
       }
       atomic {
           assert(!released[k]);
           state[k] = COMPLETED;
           post()
       }
       tell()
    od
}

/* drop() of an operation that never completes. */
inline drop(n)
{
    dropped[n] = true;
    if
    :: state[n] == WAITING ->
        state[n] = DONE;
        finished++
    :: else ->
#if MUTANT == 1
        released[n] = true;
#endif
        to_cancel[n] = true
    fi
}

#if MUTANT == 2
#define ROOM_FOR_OP true
#else
#define ROOM_FOR_OP (in_flight < CQ - CANCELS)
#endif

#if MUTANT == 3
#define ROOM_FOR_CANCEL (in_flight + cancels < CQ - CANCELS)
#else
#define ROOM_FOR_CANCEL (cancels < CANCELS)
#endif

/* fill_queue(): cancels first. */
inline fill()
{
    i = 0;
    do
    :: i == OPS -> break
    :: else ->
        if
        :: to_cancel[i] && ROOM_FOR_CANCEL ->
            to_cancel[i] = false;
            cancel_queued[i] = 1;
            cancels++;
            unsubmitted++
        :: else
        fi;
        i++
    od;
    i = 0;
    do
    :: i == OPS -> break
    :: else ->
        if
        :: state[i] == WAITING && ROOM_FOR_OP ->
            state[i] = QUEUED;
            in_flight++;
            unsubmitted++
        :: else
        fi;
        i++
    od
}

/* io_uring_enter(): all, or nothing and a refusal. */
inline submit()
{
    if
    :: unsubmitted > 0 && refusals > 0 ->
        refusals--;
        stuck = true
    :: unsubmitted > 0 ->
        stuck = false;
        i = 0;
        do
        :: i == OPS -> break
        :: else ->
            if
            :: state[i] == QUEUED ->
                state[i] = IN_KERNEL;
                unsubmitted--
            :: else
            fi;
            if
            :: cancel_queued[i] == 1 ->
                cancel_queued[i] = 0;
                unsubmitted--;
                canceled[i] = true;
                post();
                cancel_done++
            :: else
            fi;
            i++
        od
    :: unsubmitted == 0
    fi
}

inline reap()
{
    i = 0;
    do
    :: i == OPS -> break
    :: else ->
        if
        :: state[i] == COMPLETED ->
            state[i] = DONE;
            released[i] = true;
            to_cancel[i] = false;
            progress = true;
            in_flight--;
            cq--;
            finished++
        :: else
        fi;
        i++
    od;
    progress = progress || cancel_done > 0;
    cq = cq - cancel_done;
    cancels = cancels - cancel_done;
    cancel_done = 0
}

/* rv_ring_drive() */
inline turn()
{
    atomic {
        progress = false;
        fill();
        submit();
        reap()
    }
}

active proctype executor()
{
    atomic {
        i = 0;
        do
        :: i == OPS -> break
        :: else ->
            if
            :: endless[i] = true
            :: endless[i] = false
            fi;
            i++
        od;
        i = 0
    }
    do
    :: finished == OPS -> break
    :: else ->
        quiet = true;
        turn();
        /* The tasks: those whose operation never ends drop it, some time. */
        if
        :: atomic { endless[0] && !dropped[0] -> drop(0) }
        :: atomic { endless[1] && !dropped[1] -> drop(1) }
        :: atomic { endless[2] && !dropped[2] -> drop(2) }
        :: (!endless[0] || dropped[0]) && (!endless[1] || dropped[1]) &&
           (!endless[2] || dropped[2]) ->
            /* Nothing to do: the idle driver call. */
            turn();
            if
            :: finished == OPS || progress -> skip
            :: else ->
                quiet = false;
#if MUTANT != 5
                turn();
#endif
                if
#if MUTANT != 5
                :: finished == OPS || progress -> skip
                :: else ->
#else
                :: true ->
#endif
#if MUTANT == 4
                    skip;
#else
                    timer = stuck;
#endif
                    if
                    :: eventfd -> eventfd = false
                    :: timer -> timer = false; stuck = false
                    fi
                fi
            fi
        fi
    od;
    assert(in_flight == 0)
}
