/* SPDX-License-Identifier: MIT */
/* 6. Mutex and condition | Mutex et condition */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool ready; /* with the lock held | verrou tenu */

static void *wait_for_it(void *unused)
{
    pthread_mutex_lock(&lock);
    while (!ready)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    puts("it is ready");
    return unused;
}

int main(void)
{
    pthread_t thread;

    pthread_mutex_lock(&lock);
    ready = true;
    pthread_cond_signal(&changed); /* nobody waits | personne n’attend */
    pthread_mutex_unlock(&lock);

    if (pthread_create(&thread, NULL, wait_for_it, NULL) != 0)
        return 1;
    pthread_join(thread, NULL);
    return 0;
}
