/* SPDX-License-Identifier: MIT */
/*
 * hint.pml - Spin's model of rv_idle_hint() and of the sentinel, in
 * src/sched/idle.c, for forks.
 *
 * Three workers. Worker 0 runs a task that pushes two forks; neither the task
 * nor a fork ends before all three run, so each of the others has to take one.
 * What can go wrong: a fork stays in the queue while a worker sleeps forever,
 * which is an invalid end state. A sentinel that is asleep may rise at any
 * time.
 *
 * The push has no fence, so it may become visible after the load of the word,
 * but before a nap that began later has ended: a store is delayed for less than
 * a microsecond, and the shortest nap is 50.
 *
 * MUTANTS: 1 2 3 4
 *   1  IDLE-7: the fence is left out if another worker searches
 *   2  IDLE-7: there is no fence at all
 *   3  IDLE-6: nobody is the sentinel
 *   4  IDLE-3: a searcher that found a fork does not start another searcher
 */
#ifndef MUTANT
#define MUTANT 0
#endif

#define WORKERS 3

byte forks = 0; /* that are visible */
byte searchers = 0;
byte sleepers = 0;
bool asleep[WORKERS] = false;
bool sentinel[WORKERS] = false;
bool token[WORKERS] = false;
bool watched = false; /* the bit SENTINEL */
bool late = false;    /* a push is not visible yet, though the word is loaded */
byte running = 1;

inline leave(who)
{
    asleep[who] = false;
    sleepers--;
    if
    :: sentinel[who] -> sentinel[who] = false; watched = false
    :: else
    fi
}

/* rv_idle_notify(), behind its fence. */
inline notify()
{
    if
    :: searchers == 0 && sleepers > 0 ->
        atomic { /* wake_one() */
            if
            :: searchers == 0 && sleepers > 0 ->
                i = 0;
                do
                :: asleep[i] -> break
                :: else -> i++
                od;
                leave(i);
                searchers++;
                token[i] = true;
                i = 0
            :: else
            fi
        }
    :: else
    fi
}

/* rv_fork() */
inline push()
{
    if
    :: true -> forks++
    :: true -> late = true
    fi;
#if MUTANT == 1
    seen = (searchers == 0 && sleepers > 0);
#else
    seen = (sleepers > 0);
#endif
    if
    :: late -> atomic { forks++; late = false } /* by the fence, if seen */
    :: else
    fi;
    if
#if MUTANT == 2
    :: false
#else
    :: seen -> notify()
#endif
    :: else
    fi;
    seen = false
}

proctype parent()
{
    bool seen = false;
    byte i = 0;

    push();
    push();
    running == WORKERS
}

proctype worker(byte me)
{
    bool searching = false;
    bool have = false;
    bool last = false;
    byte i = 0;

    do
    :: true ->
        if
        :: !searching ->
            atomic { /* rv_idle_search() */
                if
                :: 2 * searchers >= WORKERS && searchers > 0
                :: else -> searchers++; searching = true
                fi
            }
        :: else
        fi;
        if
        :: searching ->
            atomic {
                if
                :: forks > 0 -> forks--; have = true
                :: else
                fi
            }
        :: else
        fi;
        if
        :: have ->
            atomic { /* rv_idle_found() */
                searchers--;
                last = (searchers == 0)
            }
#if MUTANT != 4
            if
            :: last && forks > 0 -> notify()
            :: else
            fi;
#endif
            running++;
            running == WORKERS; /* wait for the others */
            break
        :: else
        fi;

        atomic { /* rv_idle_sleep() */
#if MUTANT != 3
            if
            :: !watched && sleepers + 1 < WORKERS ->
                watched = true;
                sentinel[me] = true
            :: else
            fi;
#endif
            asleep[me] = true;
            sleepers++;
            if
            :: searching -> searchers--; searching = false
            :: else
            fi;
            last = (searchers == 0)
        }
        if
        :: last && forks > 0 ->
            atomic { /* rv_idle_rise(to_search) */
                searching = true;
                if
                :: asleep[me] -> leave(me); searchers++
                :: else
                fi
            }
            goto again
        :: else
        fi;
        atomic { /* park(): the token, or the end of a nap */
            if
            :: token[me] -> token[me] = false
            :: sentinel[me] && !late
            fi
        }
        atomic { /* rv_idle_rise() */
            if
            :: asleep[me] -> leave(me)
            :: else -> searching = true
            fi
        }
again:
        last = false
    od
}

init
{
    atomic {
        run parent();
        run worker(1);
        run worker(2)
    }
}
