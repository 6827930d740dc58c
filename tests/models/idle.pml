/* SPDX-License-Identifier: MIT */
/*
 * idle.pml - Spin's model of src/sched/idle.c and of the worker's loop around
 * it, in src/sched/worker.c.
 *
 * Three workers and three tasks. The first task is pushed into the injector
 * from outside; it pushes the other two into the queue of its worker. No task
 * ends before all three run, so every worker has to take one. What can go
 * wrong: a task stays in a queue while a worker sleeps forever, which is an
 * invalid end state. An executor may wake any worker once for its own reasons.
 *
 * Each step below is an exchange or a load of one word. The fence between a
 * push and the load is modeled by the order of the two steps; mutant 2 swaps
 * them, as a processor may do without a fence.
 *
 * MUTANTS: 1 2 3 4 5
 *   1  IDLE-2: the last searcher does not check again
 *   2  IDLE-1: a pusher loads the word before its push is visible
 *   3  IDLE-3: a searcher that found a task does not start another searcher
 *   4  IDLE-4: a worker checks again before it can be chosen
 *   5  IDLE-2: only searchers check again, not workers that may not search
 */
#ifndef MUTANT
#define MUTANT 0
#endif

#define WORKERS 3
#define TASKS   3
#define OUTSIDE WORKERS /* the injector is the last queue */

byte queue[WORKERS + 1] = 0; /* how many tasks are in it */
byte searchers = 0;
byte sleepers = 0;
bool asleep[WORKERS] = false;
bool token[WORKERS] = false;
byte running = 0;

/* rv_idle_notify(): a load without the mutex, then wake_one() with it. */
inline notify()
{
    if
    :: searchers == 0 && sleepers > 0 ->
        atomic {
            if
            :: searchers == 0 && sleepers > 0 ->
                i = 0;
                do
                :: asleep[i] -> break
                :: else -> i++
                od;
                asleep[i] = false;
                sleepers--;
                searchers++;
                token[i] = true;
                i = 0
            :: else
            fi
        }
    :: else
    fi
}

inline push(where)
{
#if MUTANT == 2
    notify();
    queue[where]++
#else
    queue[where]++;
    notify()
#endif
}

/* Check all queues, one after the other. */
inline look(seen)
{
    seen = false;
    i = 0;
    do
    :: i > WORKERS -> break
    :: i <= WORKERS && queue[i] > 0 -> seen = true; break
    :: i <= WORKERS && queue[i] == 0 -> i++
    od;
    i = 0
}

/* Take one from any queue. */
inline take_any(taken)
{
    taken = false;
    i = 0;
    do
    :: i > WORKERS -> break
    :: atomic { i <= WORKERS && queue[i] > 0 -> queue[i]--; taken = true };
        break
    :: i <= WORKERS && queue[i] == 0 -> i++
    od;
    i = 0
}

inline stop_searching()
{
    atomic {
        searchers--;
        last = (searchers == 0)
    }
}

proctype worker(byte me)
{
    bool searching = false;
    bool have = false;
    bool last = false;
    byte i = 0;

    do
    :: true ->
        /* its own queue, without searching */
        atomic {
            have = false;
            if
            :: !searching && queue[me] > 0 -> queue[me]--; have = true
            :: else
            fi
        }
        if
        :: !have && !searching ->
            atomic { /* rv_idle_search() */
                if
                :: 2 * searchers >= WORKERS && searchers > 0
                :: else -> searchers++; searching = true
                fi
            }
        :: else
        fi;
        if
        :: !have && searching -> take_any(have)
        :: else
        fi;
        if
        :: have && searching ->
            stop_searching(); /* rv_idle_found() */
            searching = false;
#if MUTANT != 3
            if
            :: last ->
                look(last);
                if
                :: last -> notify()
                :: else
                fi
            :: else
            fi;
#endif
            last = false
        :: else
        fi;
        if
        :: have ->
            /* the first task pushes the others */
            d_step {
                last = (running == 0);
                running++
            }
            if
            :: last -> push(me); push(me)
            :: else
            fi;
            running == TASKS; /* wait for the others */
            break
        :: else
        fi;

        /* rv_idle_sleep() */
        last = false;
#if MUTANT == 4
        if
        :: searching -> stop_searching(); searching = false
        :: else
        fi;
        if
        :: last -> look(last)
        :: else
        fi;
        if
        :: !last -> atomic { asleep[me] = true; sleepers++ }
        :: else -> goto again
        fi;
#else
        atomic {
            asleep[me] = true;
            sleepers++;
            if
            :: searching ->
                searchers--;
                searching = false;
                last = (searchers == 0)
            :: else ->
#if MUTANT != 5
                last = (searchers == 0)
#else
                skip
#endif
            fi
        }
#if MUTANT == 1
        last = false;
#endif
        if
        :: last -> look(last)
        :: else
        fi;
        if
        :: last ->
            atomic { /* rv_idle_rise(to_search) */
                searching = true;
                if
                :: asleep[me] ->
                    asleep[me] = false;
                    sleepers--;
                    searchers++
                :: else
                fi
            }
            goto again
        :: else
        fi;
#endif
        atomic { token[me] -> token[me] = false } /* rv_parker_park() */
        atomic {                                  /* rv_idle_rise() */
            if
            :: asleep[me] -> asleep[me] = false; sleepers--
            :: else -> searching = true
            fi
        }
again:
        last = false
    od
}

/* An executor's own wakes, at most one per worker. */
proctype executor_wakes(byte who)
{
    token[who] = true
}

init
{
    byte i = 0;

    atomic {
        run worker(0);
        run worker(1);
        run worker(2);
        run executor_wakes(1)
    }
    push(OUTSIDE)
}
