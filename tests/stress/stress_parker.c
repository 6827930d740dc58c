/* SPDX-License-Identifier: MIT */
/*
 * stress_parker.c - one owner parks, others unpark, deadlines pass.
 *
 *     stress_parker [COUNT]        40,000 unparks in all
 *
 * Two tests in one run.
 *
 *   tokens: one thread unparks and waits until the owner reports that it took
 *     the token. The owner parks with deadlines that pass at about that time.
 *     A token that is erased, or taken by a park that returns false, is a hang.
 *     One that is taken twice is one too many at the end.
 *
 *   letters: four threads write a plain word each and unpark. After an unpark
 *     has returned, the owner's next park must make the word visible. The owner
 *     learns of the return in a way that is hidden from ThreadSanitizer, so
 *     that only the token orders the write and the read.
 */
#include <pthread.h>
#include <sched.h>

#include "stress.h"

enum { THREADS = 4, NEAR_NS = 40000 };

static struct rv_parker parker;

/* A deadline that passes now or in the next 40 us. */
static int64_t near_deadline(uint32_t *random)
{
    uint32_t number = stress_random(random);

    return rv_now_ns() + (number % 4 ? number % NEAR_NS : 0);
}

/* --- tokens ------------------------------------------------------------ */

static uint32_t tokens;
static uint32_t *token_letters; /* plain, written once each */
static struct stress_hidden tokens_taken;

static void *token_main(void *arg)
{
    uint32_t random = 1;

    (void)arg;
    for (uint32_t i = 0; i < tokens; i++) {
        int64_t until_ns = rv_now_ns() + stress_random(&random) % NEAR_NS;

        /* Unpark at about the time of the owner's deadline. */
        while (rv_now_ns() < until_ns)
            stress_dawdle(20);
        token_letters[i] = i + 1;
        rv_parker_unpark(&parker);
        while (stress_hidden_get(&tokens_taken) <= i)
            sched_yield();
    }
    return NULL;
}

/* Wait for a token, with or without short deadlines. */
static void take_token(uint32_t *random)
{
    uint32_t way = stress_random(random) % 4;
    int64_t deadline_ns = way == 0 ? RV_NEVER : 0;

    for (int asked = 0; !rv_parker_park(&parker, deadline_ns); asked++)
        /* Park again and again, or a few times with some time between. */
        if (way == 1 || asked > 100)
            deadline_ns = near_deadline(random);
}

static void test_tokens(uint32_t count)
{
    pthread_t thread;
    uint32_t random = 2;

    stress_phase = "tokens";
    rv_parker_init(&parker);
    tokens = count;
    token_letters = calloc(count, sizeof(uint32_t));
    STRESS_CHECK(token_letters, "no memory");
    pthread_create(&thread, NULL, token_main, NULL);
    for (uint32_t i = 0; i < count; i++) {
        take_token(&random);
        STRESS_CHECK(token_letters[i] == i + 1, "a token without its letter");
        stress_hidden_add(&tokens_taken);
    }
    pthread_join(thread, NULL);
    STRESS_CHECK(!rv_parker_park(&parker, 0), "a token came twice");
    free(token_letters);
}

/* --- letters ----------------------------------------------------------- */

struct writer {
    pthread_t thread;
    uint32_t *letters;             /* plain, written once each */
    struct stress_hidden returned; /* unparks that have returned */
    uint32_t len;
    uint32_t sure; /* owner: returned before its last park */
    uint32_t read; /* owner */
};

static struct writer writers[THREADS];

static void *writer_main(void *arg)
{
    struct writer *me = arg;
    uint32_t random = (uint32_t)(me - writers);

    for (uint32_t i = 0; i < me->len; i++) {
        me->letters[i] = i + 1;
        rv_parker_unpark(&parker);
        stress_hidden_add(&me->returned);
        stress_dawdle(stress_random(&random) % 2048);
    }
    /* Once more: the owner may have read the words before the last unpark
     * returned. */
    rv_parker_unpark(&parker);
    return NULL;
}

static void read_letters(struct writer *writer)
{
    for (; writer->read < writer->sure; writer->read++)
        STRESS_CHECK(writer->letters[writer->read] == writer->read + 1,
                     "an unpark that did not bring its letter");
}

/* Returns: how many of them are read to the end. */
static int read_all(void)
{
    int over = 0;

    for (int t = 0; t < THREADS; t++) {
        read_letters(&writers[t]);
        over += writers[t].read == writers[t].len;
    }
    return over;
}

/* Returns: true if there is something to read after the next park. */
static bool ask_what_returned(void)
{
    bool more = false;

    for (int t = 0; t < THREADS; t++) {
        writers[t].sure = stress_hidden_get(&writers[t].returned);
        more = more || writers[t].sure > writers[t].read;
    }
    return more;
}

static void test_letters(uint32_t count)
{
    uint32_t random = 3;
    bool more = false;

    stress_phase = "letters";
    rv_parker_init(&parker);
    for (int t = 0; t < THREADS; t++) {
        writers[t].len = count;
        writers[t].letters = calloc(count, sizeof(uint32_t));
        STRESS_CHECK(writers[t].letters, "no memory");
        pthread_create(&writers[t].thread, NULL, writer_main, &writers[t]);
    }
    do {
        /* If there is something to read already, the token may have been
         * taken. */
        rv_parker_park(&parker, more ? near_deadline(&random) : RV_NEVER);
        if (read_all() == THREADS)
            break;
        more = ask_what_returned();
    } while (true);
    for (int t = 0; t < THREADS; t++) {
        pthread_join(writers[t].thread, NULL);
        free(writers[t].letters);
    }
}

int main(int argc, char **argv)
{
    uint32_t count = stress_count(argc, argv, 40000);
    uint32_t alone = count / 4 + 1;
    uint32_t each = (count - count / 4) / THREADS + 1;

    stress_watchdog();
    test_tokens(alone);
    test_letters(each);
    printf("stress_parker: %u tokens, %u letters\n", alone, each * THREADS);
    return 0;
}
