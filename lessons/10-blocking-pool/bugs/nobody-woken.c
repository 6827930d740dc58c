/*@answer
cause: LOST WAKE
kind: done, nobody woken
found: plain
en: Sets `done` and goes on to the next job: "the task will see it". It would,
en: if it were polled.
fr: Écrit `done` et passe au travail suivant : « la tâche le verra bien ».
fr: Oui, si on la sondait.
*/

/*@region 10.2*/
static void *pool_run(void *unused)
{
    struct job *job;

    (void)unused;
    while ((job = take_job())) {
        const int result = job->call(job->arg);

        pthread_mutex_lock(&pool.lock);
        job->result = result;
        job->done = true;
        pthread_mutex_unlock(&pool.lock);
    }
    return NULL;
}
/*@end 10.2*/
