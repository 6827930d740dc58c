/*@answer
cause: WORKER BUSY
found: plain
en: Gives each packet to the next worker in turn, busy or not. The worker does
en: read it later; but who was given what is forgotten: `job` holds only one.
fr: Donne chaque paquet au worker suivant, à tour de rôle, occupé ou non. Le
fr: worker le lira bien plus tard ; mais qui a reçu quoi est oublié : `job` n'en
fr: contient qu'un.
*/

/*@region 14.2*/
static void pool_trigger(void)
{
    static int next;
    struct triple triple;

    while (pool.queued > 0) {
        lesson_unwrap((int)read(pool.queue[0], &triple, sizeof(triple)),
                      "read");
        pool.queued--;
        worker_give(&pool.workers[next++ % WORKERS], &triple);
    }
}
/*@end 14.2*/
