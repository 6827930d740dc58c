/* SPDX-License-Identifier: MIT */
/*
 * atomic_waker.pml - Spin's model of src/channel/atomic_waker.c.
 *
 * Two threads publish one thing each and wake; the owner sleeps until it has
 * seen both. Sometimes it is polled for another reason, with another waker, as
 * a task is that moves between threads: the wake of an old waker has no effect.
 * All relevant accesses are seq_cst, so plain interleaving is enough.
 *
 * What can go wrong: the owner sleeps forever (an invalid end state), or a
 * waker is written while it is being copied (an assertion).
 *
 * MUTANTS: 1 2 3 4
 *   1  ATOMIC_WAKER-1: the owner does not check again after registering
 *   2  ATOMIC_WAKER-1: the other side reads the atomic waker before it
 *       publishes
 *   3  ATOMIC_WAKER-2: REGISTERED becomes IDLE at once, and the waker is copied
 *       after that
 *   4  ATOMIC_WAKER-3: an owner that finds WAKING does not wake itself
 */
#ifndef MUTANT
#define MUTANT 0
#endif

#define WAKERS 2
#define STRAYS 2 /* polls for another reason, as in a select */

mtype = { IDLE, REGISTERED, WAKING };

byte published = 0;
mtype state = IDLE;
byte waker = 0;         /* in the atomic waker */
byte copying = 0;       /* threads that are about to copy it */
bool woken[STRAYS + 1];

/* rv_atomic_waker_wake(): `mine` is where the waker is copied to. */
inline wake(mine)
{
    if
    :: state == REGISTERED ->
        if
        :: d_step {
               state == REGISTERED ->
#if MUTANT == 3
               state = IDLE;
#else
               state = WAKING;
#endif
               copying++
           }
           d_step { mine = waker; copying-- }
#if MUTANT != 3
           state = IDLE;
#endif
           woken[mine] = true
        :: state != REGISTERED -> skip
        fi
    :: state != REGISTERED -> skip
    fi
}

proctype other()
{
    byte mine = 0;

#if MUTANT == 2
    wake(mine);
    published++
#else
    published++;
    wake(mine)
#endif
}

/* rv_atomic_waker_register() with the waker `me` */
inline arm()
{
    if
    :: d_step { state == REGISTERED -> state = IDLE } /* clear */
    :: state != REGISTERED -> skip
    fi;
    if
    :: state == WAKING ->
#if MUTANT != 4
        woken[me] = true
#else
        skip
#endif
    :: state == IDLE ->
        d_step { assert(copying == 0); waker = me };
        state = REGISTERED
    fi
}

proctype owner()
{
    byte me = 0;

    do
    :: published == WAKERS -> break
    :: published < WAKERS ->
        arm();
#if MUTANT != 1
        if
        :: published == WAKERS -> break
        :: published < WAKERS -> skip
        fi;
#endif
        if /* PENDING */
        :: woken[me] -> woken[me] = false
        :: me < STRAYS -> me++
        fi
    od
}

init
{
    atomic { run owner(); run other(); run other() }
}
