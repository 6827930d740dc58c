/* SPDX-License-Identifier: MIT */
/*
 * test_parker.c - the token: never lost, never doubled, and its deadline.
 *
 * Threads: the test's thread owns the parker, helpers unpark it. A helper
 * learns from the trace's counter that the owner is about to sleep.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <reveil/base.h>
#include <reveil/trace.h>
#include <reveil/waker.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include "support/support.h"

RV_TEST_SUITE(parker);

/* Long enough to see that a park() waits, short for a person. */
enum { SHORT_MS = 20 };

RV_TEST(parker, unpark_before_park_is_not_lost)
{
    struct rv_parker parker;

    rv_parker_init(&parker);
    rv_parker_unpark(&parker);

    cr_assert(rv_parker_park(&parker, RV_NEVER)); /* hangs if it is lost */
}

RV_TEST(parker, two_unparks_leave_one_token)
{
    struct rv_parker parker;

    rv_parker_init(&parker);
    cr_assert_not(rv_parker_unpark(&parker), "the owner did not sleep");
    cr_assert_not(rv_parker_unpark(&parker), "the owner did not sleep");

    cr_assert(rv_parker_park(&parker, RV_NEVER));
    cr_assert_not(rv_parker_park(&parker, 0));
}

RV_TEST(parker, without_a_token_it_waits_for_its_deadline)
{
    const int64_t deadline_ns = rv_after_ms(SHORT_MS);
    struct rv_parker parker;

    rv_parker_init(&parker);

    cr_assert_not(rv_parker_park(&parker, deadline_ns));
    cr_assert_geq(rv_now_ns(), deadline_ns);
}

RV_TEST(parker, a_deadline_in_the_past_does_not_wait)
{
    struct rv_parker parker;

    rv_parker_init(&parker);

    cr_assert_not(rv_parker_park(&parker, rv_now_ns() - 1));
    cr_assert_not(rv_parker_park(&parker, 0));
    cr_assert_not(rv_parker_park(&parker, -1));
    cr_assert_not(rv_parker_park(&parker, INT64_MIN));
}

RV_TEST(parker, a_token_counts_even_if_the_deadline_is_over)
{
    struct rv_parker parker;

    rv_parker_init(&parker);
    rv_parker_unpark(&parker);

    cr_assert(rv_parker_park(&parker, 0));
}

RV_TEST(parker, after_a_deadline_it_can_be_used_again)
{
    struct rv_parker parker;

    rv_parker_init(&parker);
    cr_assert_not(rv_parker_park(&parker, 0));
    rv_parker_unpark(&parker);

    cr_assert(rv_parker_park(&parker, RV_NEVER));
    cr_assert_not(rv_parker_park(&parker, 0));
}

/* --- two threads ------------------------------------------------------- */

struct shared {
    struct rv_parker parker;
    pthread_t owner;
    int plain; /* not atomic: only the parker orders it */
    _Atomic bool unparked;
    int errno_after;
    bool slept;
};

/* Wait until the owner has been about to sleep `times` times. */
static void wait_for_park(uint64_t times)
{
    while (rv_trace_count(RV_EV_PARK) < times)
        sched_yield();
}

static void *unpark_a_sleeper(void *arg)
{
    struct shared *shared = arg;

    wait_for_park(1);
    shared->plain = 7;
    errno = E2BIG;
    shared->slept = rv_parker_unpark(&shared->parker);
    shared->errno_after = errno;
    return NULL;
}

RV_TEST(parker, unpark_wakes_the_owner_and_keeps_errno)
{
    struct shared shared = {0};
    pthread_t helper;

    rv_parker_init(&shared.parker);
    rv_trace_start(RV_TRACE_COUNTERS);
    pthread_create(&helper, NULL, unpark_a_sleeper, &shared);

    cr_assert(rv_parker_park(&shared.parker, RV_NEVER));
    cr_assert_eq(shared.plain, 7, "what was written before is not visible");
    pthread_join(helper, NULL);
    cr_assert_eq(shared.errno_after, E2BIG);
    cr_assert(shared.slept);
    rv_trace_start(RV_TRACE_OFF);
}

struct pair {
    struct rv_parker ping;
    struct rv_parker pong;
    int ball; /* not atomic: only the parkers order it */
};

enum { ROUNDS = 5000 };

static void *play_back(void *arg)
{
    struct pair *pair = arg;

    for (int i = 0; i < ROUNDS; i++) {
        rv_parker_park(&pair->ping, RV_NEVER);
        pair->ball++;
        rv_parker_unpark(&pair->pong);
    }
    return NULL;
}

RV_TEST(parker, no_token_is_lost_in_a_long_rally)
{
    struct pair pair = {.ball = 0};
    pthread_t helper;

    rv_parker_init(&pair.ping);
    rv_parker_init(&pair.pong);
    pthread_create(&helper, NULL, play_back, &pair);

    for (int i = 0; i < ROUNDS; i++) {
        cr_assert_eq(pair.ball, i);
        rv_parker_unpark(&pair.ping);
        cr_assert(rv_parker_park(&pair.pong, rv_after_ms(RV_TEST_WAIT_MS)));
    }
    pthread_join(helper, NULL);
}

/* --- signals ----------------------------------------------------------- */

static struct rv_parker *handlers_parker;
static _Atomic int handled;

static void count_signal(int number)
{
    (void)number;
    handled++;
}

static void unpark_from_handler(int number)
{
    (void)number;
    rv_parker_unpark(handlers_parker);
}

static void set_handler(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};

    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

static void *interrupt_then_unpark(void *arg)
{
    struct shared *shared = arg;

    wait_for_park(1);
    for (int i = 1; i <= 20; i++) {
        pthread_kill(shared->owner, SIGUSR1);
        while (atomic_load(&handled) < i)
            sched_yield();
    }
    atomic_store(&shared->unparked, true);
    rv_parker_unpark(&shared->parker);
    return NULL;
}

RV_TEST(parker, a_signal_does_not_end_the_sleep)
{
    struct shared shared = {.owner = pthread_self()};
    pthread_t helper;

    rv_parker_init(&shared.parker);
    set_handler(SIGUSR1, count_signal);
    rv_trace_start(RV_TRACE_COUNTERS);
    pthread_create(&helper, NULL, interrupt_then_unpark, &shared);

    cr_assert(rv_parker_park(&shared.parker, RV_NEVER));
    cr_assert(shared.unparked);
    pthread_join(helper, NULL);
    rv_trace_start(RV_TRACE_OFF);
}

RV_TEST(parker, signals_do_not_move_the_deadline)
{
    const struct itimerval every_2_ms = {.it_interval.tv_usec = 2000,
                                         .it_value.tv_usec = 2000};
    const struct itimerval none = {0};
    const int64_t deadline_ns = rv_after_ms(SHORT_MS);
    struct rv_parker parker;

    rv_parker_init(&parker);
    set_handler(SIGALRM, count_signal);
    setitimer(ITIMER_REAL, &every_2_ms, NULL);

    cr_assert_not(rv_parker_park(&parker, deadline_ns));
    cr_assert_geq(rv_now_ns(), deadline_ns);
    setitimer(ITIMER_REAL, &none, NULL);
    cr_assert_gt(handled, 0);
}

RV_TEST(parker, a_signal_handler_may_unpark)
{
    const struct itimerval in_5_ms = {.it_value.tv_usec = 5000};
    struct rv_parker parker;

    rv_parker_init(&parker);
    handlers_parker = &parker;
    set_handler(SIGALRM, unpark_from_handler);
    setitimer(ITIMER_REAL, &in_5_ms, NULL);

    cr_assert(rv_parker_park(&parker, RV_NEVER));
}

/* --- another way to sleep ---------------------------------------------- */

/* A park backend that only records how it was called. */
struct bed {
    struct rv_parker *parker;
    int64_t deadline_ns;
    int turns;
    bool unpark; /* an event comes in the middle of the next call */
    bool broken; /* this way to sleep is unavailable */
};

static bool bed_turn(void *context, int64_t *deadline_ns)
{
    struct bed *bed = context;

    bed->turns++;
    bed->deadline_ns = *deadline_ns;
    if (bed->unpark)
        rv_parker_unpark(bed->parker);
    return !bed->broken;
}

static void use_bed(struct rv_parker *parker, struct bed *bed)
{
    const struct rv_park_backend backend = {
        .park = bed_turn,
        .context = bed,
        .event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
    };

    cr_assert_geq(backend.event_fd, 0);
    rv_parker_init(parker);
    *bed = (struct bed){.parker = parker};
    rv_parker_use(parker, &backend);
}

RV_TEST(parker, with_a_park_backend_it_parks_there)
{
    struct rv_parker parker;
    struct bed bed;

    use_bed(&parker, &bed);
    cr_assert_not(rv_parker_park(&parker, 12345)); /* no token came */
    cr_assert_eq(bed.turns, 1);
    cr_assert_eq(bed.deadline_ns, 12345);
    bed.unpark = true;
    cr_assert(rv_parker_park(&parker, RV_NEVER));
    cr_assert_eq(bed.turns, 2);
    cr_assert_eq(bed.deadline_ns, RV_NEVER);
    close(parker.backend.event_fd);
}

RV_TEST(parker, only_an_unpark_of_one_that_sleeps_writes_to_the_eventfd)
{
    struct rv_parker parker;
    struct bed bed;
    eventfd_t value;

    use_bed(&parker, &bed);
    rv_parker_unpark(&parker);
    cr_assert_eq(eventfd_read(parker.backend.event_fd, &value), -1);
    cr_assert(rv_parker_park(&parker, RV_NEVER));
    cr_assert_eq(bed.turns, 0);

    bed.unpark = true;
    cr_assert(rv_parker_park(&parker, RV_NEVER));
    cr_assert_eq(eventfd_read(parker.backend.event_fd, &value), 0);
    close(parker.backend.event_fd);
}

struct waking {
    struct rv_parker *parker;
    _Atomic bool done;
};

/* Until there was one that slept. */
static void *unpark_when_parked(void *arg)
{
    struct waking *waking = arg;

    while (!rv_parker_unpark(waking->parker))
        ;
    atomic_store(&waking->done, true);
    rv_parker_unpark(waking->parker);
    return NULL;
}

RV_TEST(parker, with_a_sleeper_that_refuses_it_sleeps_on_the_futex)
{
    struct rv_parker parker;
    struct bed bed;
    pthread_t helper;
    int64_t until_ns = rv_after_ms(20);

    use_bed(&parker, &bed);
    bed.broken = true;
    cr_assert_not(rv_parker_park(&parker, until_ns));
    cr_assert_geq(rv_now_ns(), until_ns);
    cr_assert_eq(bed.turns, 1);

    close(parker.backend.event_fd); /* only the futex can wake it */
    parker.backend.event_fd = -1;
    for (int i = 0; i < 1000; i++) {
        struct waking waking = {.parker = &parker};

        pthread_create(&helper, NULL, unpark_when_parked, &waking);
        while (!atomic_load(&waking.done))
            rv_parker_park(&parker, RV_NEVER);
        pthread_join(helper, NULL);
    }
}

RV_TEST(parker, drive_is_a_look_without_sleeping)
{
    struct rv_parker parker;
    struct bed bed;

    rv_parker_init(&parker);
    rv_parker_drive(&parker); /* no thread to check */
    use_bed(&parker, &bed);
    bed.deadline_ns = -1;
    rv_parker_drive(&parker);
    cr_assert_eq(bed.turns, 1);
    cr_assert_eq(bed.deadline_ns, 0);
    close(parker.backend.event_fd);
}
