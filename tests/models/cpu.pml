/* SPDX-License-Identifier: MIT */
/*
 * cpu.pml - Spin's model of the CPU pool: src/cpu/cpu_class.c,
 * src/cpu/cpu_job.c, and the pool thread's loop in
 * src/thread/pipe_thread_loop.h.
 *
 * An executor adds jobs, cancels some at any moment, and reads the pool
 * threads' bytes; two pool threads take jobs, run them and write the bytes. A
 * pipe is a channel with as many slots as a pool thread may have jobs (DEPTH).
 * The queue pipe has one slot, so that the list behind it is used too. What can
 * go wrong: a job is never settled (an invalid end state); it is run twice, or
 * after its state was dropped; a pool thread accesses it after it was freed; a
 * pipe is full; a result is read before it exists (assertions).
 *
 * All that the executor does between two system calls is one step, because no
 * other thread accesses its data. Only rv_callable_take() is shared with the
 * pool threads.
 *
 * MUTANTS: 1 2 3 4 5
 *   1  CPU_JOB-1: the drop of a future checks whether the callable was taken,
 *          but does not take it
 *   2  CPU_JOB-2: a job is freed with its future, whatever packets it has
 *   3  CPU_CLASS-3: a byte makes room, and no job is handed over
 *   4  CPU_JOB-3: any byte settles the job, also one that says "not run"
 *   5  PIPE_THREAD-2: a pool thread gets one more job than its pipes have slots
 */
#ifndef MUTANT
#define MUTANT 0
#endif

#define JOBS    6
#define THREADS 2
#define DEPTH   2
#define NONE    255

#if MUTANT == 5
#define ROOM (DEPTH + 1)
#else
#define ROOM DEPTH
#endif

chan jobs[THREADS] = [DEPTH] of { byte };
chan done[THREADS] = [DEPTH] of { bool };
chan queue = [1] of { byte };       /* the queue pipe */
chan waiting = [JOBS] of { byte };  /* the list behind it */
chan line[THREADS] = [ROOM] of { byte }; /* of each pool thread, the executor's */

bool taken[JOBS];   /* shared with the pool threads */
bool dropped[JOBS]; /* the state, by a canceled future */
bool freed[JOBS];
bool settled[JOBS];
bool detached[JOBS];
byte packets[JOBS];
byte runs[JOBS];

active [THREADS] proctype pool_thread()
{
    byte j;
    bool ran;

end:
    do
    :: jobs[_pid]?j ->
        assert(!freed[j]);
        atomic { ran = !taken[j]; taken[j] = true }
        if
        :: ran ->
            assert(!dropped[j]);
            runs[j]++;
            assert(runs[j] == 1)
        :: else
        fi;
        assert(nfull(done[_pid]));
        atomic { done[_pid]!ran; ran = false; j = 0 }
    od
}

inline give(w, j)
{
    assert(nfull(jobs[w]) && !freed[j]);
    jobs[w]!j;
    line[w]!j;
    packets[j]++
}

/* target: the pool thread with the fewest jobs that has room, or NONE. */
inline find_room()
{
    target = NONE;
    if
    :: len(line[0]) < ROOM && len(line[0]) <= len(line[1]) -> target = 0
    :: len(line[1]) < ROOM && len(line[1]) < len(line[0]) -> target = 1
    :: else
    fi
}

inline free_if_over(j)
{
    if
    :: detached[j] && (packets[j] == 0 || MUTANT == 2) -> freed[j] = true
    :: else
    fi
}

inline settle(j)
{
    assert(runs[j] == 1 || detached[j]);
    settled[j] = true;
    detached[j] = true /* the future is READY, and goes */
}

/* Give a job that waits behind another one to a pool thread without a job. */
inline lend(from, to)
{
    if
    :: empty(line[to]) && len(line[from]) == 2 ->
        line[from]?head;
        line[from]?k;
        line[from]!head;
        line[from]!k;
        if
        :: packets[k] == 1 && !taken[k] -> give(to, k)
        :: else
        fi;
        head = 0
    :: else
    fi
}

inline trigger()
{
    find_room();
    do
    :: target != NONE && nempty(queue) ->
        queue?k;
        if
        :: !freed[k] -> give(target, k)
        :: else
        fi;
        find_room()
    :: target != NONE && empty(queue) && nempty(waiting) ->
        waiting?k;
        if
        :: !freed[k] -> give(target, k)
        :: else
        fi;
        find_room()
    :: else -> break
    od;
    do
    :: nfull(queue) && nempty(waiting) -> waiting?k; queue!k
    :: else -> break
    od;
    if
    :: empty(queue) -> lend(0, 1); lend(1, 0)
    :: else
    fi
}

inline complete(w)
{
    d_step {
        line[w]?j;
        packets[j]--;
        if
        :: (ran || MUTANT == 4) && !settled[j] && !detached[j] -> settle(j)
        :: else
        fi;
        free_if_over(j);
#if MUTANT != 3
        trigger();
#endif
        ran = false; j = 0; k = 0; target = 0
    }
}

inline add()
{
    d_step {
        target = NONE;
        if
        :: empty(queue) && empty(waiting) -> find_room()
        :: else
        fi;
        if
        :: target != NONE -> give(target, next)
        :: target == NONE && empty(waiting) && nfull(queue) -> queue!next
        :: else -> waiting!next
        fi;
        next++;
        target = 0
    }
}

inline let_go(c)
{
    atomic {
        detached[c] = true;
        if
        :: !taken[c] ->
#if MUTANT != 1
            taken[c] = true;
#endif
            dropped[c] = true
        :: else
        fi;
        free_if_over(c)
    }
}

#define OVER(c) (freed[c] && packets[c] == 0)

active proctype executor()
{
    byte next;
    byte j;
    byte k;
    byte head;
    byte target;
    bool ran;

    do
    :: next < JOBS -> add()
    :: done[0]?ran -> complete(0)
    :: done[1]?ran -> complete(1)
    :: next > 0 && !detached[0] -> let_go(0)
    :: next > 1 && !detached[1] -> let_go(1)
    :: next > 2 && !detached[2] -> let_go(2)
    :: next == JOBS && OVER(0) && OVER(1) && OVER(2) &&
       OVER(3) && OVER(4) && OVER(5) -> break
    od;
    /* These were never canceled. */
    assert(settled[3] && settled[4] && settled[5]);
    assert(runs[3] == 1 && runs[4] == 1 && runs[5] == 1);
    assert(empty(line[0]) && empty(line[1]))
}
