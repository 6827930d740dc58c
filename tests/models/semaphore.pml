/* SPDX-License-Identifier: MIT */
/*
 * semaphore.pml - Spin's model of src/channel/semaphore.c: two permits, a task
 * that wants both and two that want one. Each may give up while it waits, or
 * just after it was granted.
 *
 * What can go wrong: a task waits forever (an invalid end state); more permits
 * are granted than exist, permits are lost, or permits stay unused although the
 * first task in line could have them (assertions).
 *
 * MUTANTS: 1 2 3
 *   1  SEMAPHORE-1: a release does not subtract the permits that it grants from
 *          the count
 *   2  SEMAPHORE-2: a task that is dropped after it was granted keeps its
 *          permits
 *   3  SEMAPHORE-3: when a task in line is dropped, those behind it are not
 *          served
 */
#ifndef MUTANT
#define MUTANT 0
#endif

#define TASKS  3
#define TOTAL  2
#define WANTS(task) ((task) == 0 -> 2 : 1)

byte permits = TOTAL;
byte taken = 0; /* by those who know that they have them */
bool granted[TASKS];
bool in_line[TASKS];
chan line = [TASKS] of { byte };

/* serve(): the lock is held, so it is one step */
inline serve()
{
    do
    :: empty(line) -> break
    :: nempty(line) ->
        line?<first>;
        if
        :: WANTS(first) > permits -> break
        :: else ->
            line?first;
            in_line[first] = false;
            granted[first] = true;
#if MUTANT != 1
            permits = permits - WANTS(first)
#endif
        fi
    od;
    first = 0
}

inline check()
{
    if
    :: nempty(line) ->
        line?<first>;
        assert(WANTS(first) > permits);
        first = 0
    :: empty(line)
    fi
}

/* Remove the task from any position in the line. */
inline leave_line(task)
{
    n = len(line);
    do
    :: n == 0 -> break
    :: else ->
        line?first;
        if
        :: first != task -> line!first
        :: else
        fi;
        n--
    od;
    first = 0;
    in_line[task] = false
}

proctype acquirer(byte me)
{
    byte first = 0;
    byte n = 0;

    /* the first poll */
    d_step {
        if
        :: empty(line) && permits >= WANTS(me) ->
            permits = permits - WANTS(me);
            granted[me] = true
        :: else ->
            line!me;
            in_line[me] = true
        fi
    };
    if
    :: granted[me] -> /* the second one: READY */
        taken = taken + WANTS(me);
        assert(taken <= TOTAL);
        taken = taken - WANTS(me);
        d_step {
            permits = permits + WANTS(me);
            serve();
            check()
        }
    :: true -> /* drop */
        d_step {
            if
            :: granted[me] ->
#if MUTANT != 2
                permits = permits + WANTS(me)
#else
                skip
#endif
            :: else -> leave_line(me)
            fi;
#if MUTANT == 3
            if
            :: granted[me] -> serve()
            :: else
            fi;
#else
            serve();
#endif
            check()
        }
    fi
}

init
{
    atomic { run acquirer(0); run acquirer(1); run acquirer(2) };
    _nr_pr == 1; /* all of them have gone */
    assert(permits == TOTAL)
}
