/* SPDX-License-Identifier: MIT */
/*
 * parker.pml - Spin's model of src/waker/parker.c.
 *
 * Two threads write two words each and unpark after each one. The owner parks
 * until it has seen all four, sometimes with a deadline. What can go wrong: it
 * sleeps forever, which Spin reports as an invalid end state.
 *
 * Memory is modeled by views: a view is the set of words whose new value a
 * thread is sure to see. A plain access to a word passes no view on; only
 *
 *     release   adds the writer's view to the one that travels in the token,
 *     acquire   adds the token's view to the reader's,
 *
 * and a read-modify-write keeps what was in the token, a plain store does not.
 * That is C11's release sequence, as far as one variable needs it.
 *
 * MUTANTS: 1 2 3 4
 *   1  PARKER-1: unpark() skips when the token is NOTIFIED already
 *   2  PARKER-2: park() leaves by storing EMPTY
 *   3  PARKER-3: a deadline that passes leaves by storing EMPTY
 *   4  PARKER-2: park() enters by storing PARKED
 */
#ifndef MUTANT
#define MUTANT 0
#endif

#define UNPARKERS 2
#define WORDS     2  /* of each unparker */
#define ALL_SEEN  15 /* a bit for each of the four words */

mtype = { EMPTY, PARKED, NOTIFIED };

mtype token = EMPTY;
byte token_view = 0;
byte owner_view = 0;
bool asleep = false; /* in FUTEX_WAIT */
bool fused; /* the owner has a park backend: it waits in epoll instead */
bool edge = false; /* the park backend's eventfd was written, epoll will tell */
byte signals = 1;    /* how often a wait may end for another reason */

/* change_token(): acquire if it succeeds, no ordering if it fails. */
#define TAKE_TOKEN(from, to)                 \
    token == from -> token = to;             \
    owner_view = owner_view | token_view

proctype unparker(byte me)
{
    byte view = 0;
    byte i = 0;
    mtype old;

    do
    :: i == WORDS -> break
    :: else ->
        /* The caller's push: a plain write. */
        view = view | (1 << (me * WORDS + i));
        i++;
#if MUTANT == 1
        if
        :: token == NOTIFIED -> goto unparked
        :: else
        fi;
#endif
        /* rv_parker_unpark(): atomic_exchange, release */
        d_step {
            old = token;
            token = NOTIFIED;
            token_view = token_view | view
        }
        if
        :: old == PARKED && !fused -> asleep = false /* FUTEX_WAKE */
        :: old == PARKED && fused -> edge = true     /* eventfd_write() */
        :: else
        fi;
#if MUTANT == 1
unparked:
#endif
        old = EMPTY
    od
}

proctype owner()
{
    bool timed;

    do
    :: owner_view == ALL_SEEN -> break
    :: else ->
        if
        :: timed = true
        :: timed = false /* deadline_ns == RV_NEVER */
        fi;

        /* rv_parker_park(): the first change_token() */
        if
        :: atomic { TAKE_TOKEN(NOTIFIED, EMPTY); goto left }
        :: atomic { token != NOTIFIED -> skip }
        fi;

#if MUTANT == 4
        d_step { token = PARKED; token_view = 0 }
#else
        /* change_token(EMPTY, PARKED) */
        if
        :: atomic { TAKE_TOKEN(EMPTY, PARKED) }
        :: atomic { token != EMPTY -> skip }
        fi;
#endif

again:
        /* while (!(taken = change_token(parker, NOTIFIED, EMPTY))) */
#if MUTANT == 2
        if
        :: atomic {
               token == NOTIFIED ->
               owner_view = owner_view | token_view
           }
           d_step { token = EMPTY; token_view = 0 }
           goto left
        :: atomic { token != NOTIFIED -> skip }
        fi;
#else
        if
        :: atomic { TAKE_TOKEN(NOTIFIED, EMPTY); goto left }
        :: atomic { token != NOTIFIED -> skip }
        fi;
#endif

 /* sleep_while_parked() with a park backend: one turn, whatever ends it */
        if
        :: fused ->
            if
            :: d_step { edge -> edge = false }
            :: signals > 0 -> signals-- /* EINTR, or a socket is ready */
            :: timed
            fi;
            goto time_over
        :: else
        fi;

        /* sleep_on_futex(): the kernel compares and sleeps in one step */
        d_step { asleep = (token == PARKED) }
        if
        :: !asleep -> goto again /* FUTEX_WAKE, or EAGAIN at once */
        :: signals > 0 -> signals--; asleep = false; goto again /* EINTR */
        :: timed -> asleep = false /* ETIMEDOUT */
        fi;

time_over:
        skip;
        /* give_up(): atomic_exchange, acquire */
#if MUTANT == 3
        d_step { token = EMPTY; token_view = 0 }
#else
        d_step { owner_view = owner_view | token_view; token = EMPTY }
#endif

left:
        assert(token != PARKED && !asleep)
    od
}

init
{
    atomic {
        if
        :: fused = true
        :: fused = false
        fi;
        run owner();
        run unparker(0);
        run unparker(1)
    }
}
