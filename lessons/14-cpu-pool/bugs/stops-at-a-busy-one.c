/*@answer
cause: STUCK QUEUE
found: plain
en: Ends the loop at the first worker that is busy: those behind it stay idle.
fr: Finit la boucle au premier worker occupé : ceux d'après restent sans rien
fr: faire.
*/

/*@region 14.2*/
static void pool_trigger(void)
{
    struct triple triple;

    for (int i = 0; i < WORKERS && pool.queued > 0; i++) {
        if (pool.workers[i].job)
            break;
        lesson_unwrap((int)read(pool.queue[0], &triple, sizeof(triple)),
                      "read");
        pool.queued--;
        worker_give(&pool.workers[i], &triple);
    }
}
/*@end 14.2*/
