/* SPDX-License-Identifier: MIT */
/*
 * ready.pml - Spin's model of src/waker/ready.c and of the loop that drains
 * it, run_until() in src/executor/executor.c.
 *
 * Two threads each write a payload for each of two tasks and wake it. A task
 * ends when a poll of it sees both of its payloads. What can go wrong: the
 * executor sleeps forever with an unfinished task (an invalid end state), an id
 * is in the queue twice, or two threads access a slot's link without an order
 * between them (assertions).
 *
 * Memory is modeled by views, as in parker.pml: a view is the set of writes
 * that a thread is sure to see, one bit each:
 *
 *     PAYLOAD  what a waker has written for a task before it woke it
 *     LEN      a waker's write of has_pushed
 *     LINK     the last access to a slot's link, by any thread
 *
 * A release adds the thread's view to the one that travels with the variable,
 * an acquire adds that one to the thread's. The load of has_pushed is relaxed,
 * and may return an old value as long as the new one is not in the view.
 *
 * MUTANTS: 1 2 3 4 5 6
 *   1  READY-1: a push that finds QUEUED on links the slot all the same
 *   2  READY-2: a push that finds QUEUED on writes nothing
 *   3  READY-3: QUEUED is turned off after the poll
 *   4  READY-4: the owner is unparked before the slot is linked
 *   5  READY-1: turning QUEUED off and on passes no view on, so that the thread
 *          that links the slot may not see that the owner is done with the link
 *   6  READY-7: the owner turns QUEUED off with a load and a store, although
 *          other threads know the task
 */
#ifndef MUTANT
#define MUTANT 0
#endif

#define TASKS  2
#define WAKERS 2
#define OWNER  2 /* the executor's view; the wakers' are 0 and 1 */
#define NONE   255

#define PAYLOAD(waker, task) (1 << ((waker) * TASKS + (task)))
#define LEN(waker, task)     (16 << ((waker) * TASKS + (task)))
#define LINK(task)           (256 << (task))
#define ALL_LINKS            (256 | 512)
#define WANTED(task)         (PAYLOAD(0, task) | PAYLOAD(1, task))

mtype = { EMPTY, PARKED, NOTIFIED };

short view[3] = ALL_LINKS;

/* struct rv_ready_slot */
bool queued[TASKS] = true; /* as rv_task_start() leaves them */
bool alive[TASKS] = true;  /* the generation is still the wakers' */
short state_view[TASKS] = 0;

/* struct rv_ready */
bool mutex = false;
short mutex_view = 0;
chan pushed = [TASKS] of { byte };
byte pushed_last = NONE;
short len_writes = 0; /* those of has_pushed since it was false last */
chan mine = [TASKS] of { byte };
byte mine_last = NONE;
byte finished = 0;

mtype token = EMPTY;
short token_view = 0;
bool asleep = false;

#define LOCK(me)                             \
    d_step {                                 \
        !mutex -> mutex = true;              \
        view[me] = view[me] | mutex_view     \
    }
#define UNLOCK(me)                           \
    d_step {                                 \
        mutex_view = mutex_view | view[me];  \
        mutex = false                        \
    }

/* Read or write slot->next: the last access to it must be in our view, and this
 * one is in no other thread's view yet. */
inline touch_link(me, task)
{
    assert(view[me] & LINK(task));
    view[0] = view[0] & ~LINK(task);
    view[1] = view[1] & ~LINK(task);
    view[OWNER] = view[OWNER] & ~LINK(task);
    state_view[0] = state_view[0] & ~LINK(task);
    state_view[1] = state_view[1] & ~LINK(task);
    mutex_view = mutex_view & ~LINK(task);
    token_view = token_view & ~LINK(task);
    view[me] = view[me] | LINK(task)
}

/* chain_push() */
inline chain_push(me, chain, last, task)
{
    assert(nfull(chain));
    touch_link(me, task);
    if
    :: nempty(chain) -> touch_link(me, last)
    :: empty(chain)
    fi;
    chain!task;
    last = task
}

/* rv_ready_mark(): a compare-exchange. */
inline mark_queued(me, task, must_link)
{
    d_step {
        if
        :: !alive[task] -> must_link = false
#if MUTANT == 2
        :: alive[task] && queued[task] -> must_link = false
        :: alive[task] && !queued[task] ->
#else
        :: alive[task] ->
#endif
            must_link = !queued[task];
#if MUTANT == 1
            must_link = true;
#endif
            queued[task] = true;
#if MUTANT != 5
            view[me] = view[me] | state_view[task]; /* acquire */
#endif
            state_view[task] = state_view[task] | view[me] /* release */
        fi
    }
}

inline unpark(me, old)
{
    d_step {
        old = token;
        token = NOTIFIED;
        token_view = token_view | view[me]
    }
    if
    :: old == PARKED -> asleep = false
    :: else
    fi;
    old = EMPTY
}

proctype waker(byte me)
{
    byte task = 0;
    bool must_link;
    mtype old = EMPTY;

    do
    :: task == TASKS -> break
    :: else ->
        view[me] = view[me] | PAYLOAD(me, task);

        /* rv_ready_push() */
        mark_queued(me, task, must_link);
        if
        :: must_link ->
#if MUTANT == 4
            unpark(me, old);
#endif
            LOCK(me);
            d_step {
                chain_push(me, pushed, pushed_last, task);
                len_writes = len_writes | LEN(me, task);
                view[me] = view[me] | LEN(me, task)
            }
            UNLOCK(me);
#if MUTANT != 4
            unpark(me, old)
#endif
        :: else
        fi;
        task++
    od
}

/* rv_ready_collect(), the mutex held */
inline take_pushed()
{
    if
    :: nempty(mine) -> touch_link(OWNER, mine_last)
    :: empty(mine)
    fi;
    do
    :: nempty(pushed) ->
        pushed?task;
        assert(nfull(mine));
        mine!task;
        mine_last = task
    :: empty(pushed) -> break
    od;
    len_writes = 0
}

/* rv_ready_take() */
inline take()
{
    d_step {
        mine?task;
        touch_link(OWNER, task)
    }
#if MUTANT == 6
    d_step {
        /* The load; what a waker turns on before the store is undone. */
        seen_payload = state_view[task]
    }
    d_step {
        queued[task] = false;
        view[OWNER] = view[OWNER] | seen_payload;
        state_view[task] = state_view[task] | view[OWNER]
    }
#elif MUTANT != 3
    d_step {
        queued[task] = false;
        view[OWNER] = view[OWNER] | state_view[task]; /* acquire */
#if MUTANT != 5
        state_view[task] = state_view[task] | view[OWNER] /* release */
#endif
    }
#endif
}

/* rv_parker_park() without a deadline, shortened: see parker.pml */
inline park()
{
    if
    :: d_step {
           token == EMPTY -> token = PARKED;
           view[OWNER] = view[OWNER] | token_view
       }
    :: token == NOTIFIED -> skip
    fi;
    do
    :: d_step {
           token == NOTIFIED -> token = EMPTY;
           view[OWNER] = view[OWNER] | token_view
       }
       break
    :: d_step { token == PARKED -> asleep = true }
       !asleep
    od
}

proctype executor()
{
    byte task;
    byte batch_left;
    bool must_link;
    bool yielded = false;
#if MUTANT == 6
    short seen_payload = 0;
#endif

    do
    :: finished == TASKS -> break
    :: else ->
        /* rv_ready_batch(): the relaxed look. A new value is found if it is
         * in the view, may be found if it is not. */
        if
        :: len_writes != 0 ->
            LOCK(OWNER);
            d_step { take_pushed() }
            UNLOCK(OWNER)
        :: (len_writes & view[OWNER]) == 0 -> skip
        fi;
        batch_left = len(mine);

        if
        :: batch_left == 0 -> park()
        :: else
        fi;
        do
        :: batch_left == 0 -> break
        :: else ->
            batch_left--;
            take();
            if
            :: !alive[task] -> skip /* retired in the queue */
            :: else ->
                /* The poll. Task 0 yields at its first one: a wake by the
                 * owner itself, to the local chain. */
                if
                :: task == 0 && !yielded ->
                    yielded = true;
                    mark_queued(OWNER, task, must_link);
                    if
                    :: must_link ->
                        d_step {
                            chain_push(OWNER, mine, mine_last, task)
                        }
                    :: else
                    fi
                :: else ->
                    if
                    :: (view[OWNER] & WANTED(task)) == WANTED(task) ->
                        /* READY: rv_ready_retire() */
                        d_step {
                            alive[task] = false;
                            queued[task] = false;
                            finished++
                        }
                    :: else
                    fi
                fi
            fi;
#if MUTANT == 3
            d_step {
                queued[task] = false;
                view[OWNER] = view[OWNER] | state_view[task];
                state_view[task] = state_view[task] | view[OWNER]
            }
#endif
            task = 0;
            must_link = false
        od
    od
}

init
{
    atomic {
        /* rv_spawn() before the loop runs: both are in the queue. */
        mine!0;
        mine!1;
        mine_last = 1;
        run executor();
        run waker(0);
        run waker(1)
    }
}
