/* SPDX-License-Identifier: MIT */
/*
 * mpsc.pml - Spin's model of src/channel/mpsc.c: the chain, the mark in the
 * link, and the wake.
 *
 * Three senders send a node each. The receiver sleeps until it has got all of
 * them. What can go wrong: it sleeps forever with values in the chain, or the
 * chain is broken and a value is lost (both an invalid end state).
 *
 * MUTANTS: 1 2 3 4
 *   1  MPSC-3: the sender wakes before it links
 *   2  MPSC-2: the receiver marks the link before its atomic waker is
 *       registered
 *   3  MPSC-3: the sender links with a load and a store, not an exchange
 *   4  MPSC-1: a node's link is cleared after the tail was exchanged
 */
#ifndef MUTANT
#define MUTANT 0
#endif

#define SENDERS 3
#define NONE    100
#define WAITING 101

byte tail = 0; /* node 0 is the one that was read already */
byte next[4] = NONE;
bool armed = false;
bool woken = false;
byte got = 0;

/* rv_atomic_waker_wake(), shortened: see atomic_waker.pml */
inline wake()
{
    d_step {
        if
        :: armed -> armed = false; woken = true
        :: else
        fi
    }
}

proctype sender(byte node)
{
    byte before;
    byte link;

    d_step { before = tail; tail = node };
#if MUTANT == 4
    next[node] = NONE;
#endif
#if MUTANT == 1
    link = next[before];
    if
    :: link == WAITING -> wake()
    :: else
    fi;
    next[before] = node
#else
#if MUTANT == 3
    link = next[before];
    next[before] = node;
#else
    d_step { link = next[before]; next[before] = node };
#endif
    if
    :: link == WAITING -> wake()
    :: else
    fi
#endif
}

proctype receiver()
{
    byte head = 0;

    do
    :: got == SENDERS -> break
    :: else ->
        if
        :: next[head] < NONE -> head = next[head]; got++
        :: next[head] >= NONE ->
            woken = false;
#if MUTANT == 2
            if
            :: d_step { next[head] >= NONE -> next[head] = WAITING };
               armed = true;
               woken
            :: next[head] < NONE -> skip
            fi
#else
            armed = true;
            if
            :: d_step { next[head] >= NONE -> next[head] = WAITING };
               woken /* PENDING */
            :: next[head] < NONE -> armed = false
            fi
#endif
        fi
    od
}

init
{
    atomic {
        run receiver();
        run sender(1);
        run sender(2);
        run sender(3)
    }
}
