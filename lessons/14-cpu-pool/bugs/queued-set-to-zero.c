/*@answer
cause: STUCK QUEUE
found: plain
en: Sets the count to 0 after a packet, instead of counting it down: the others
en: are in the pipe and nobody knows.
fr: Remet le compte à 0 après un paquet, au lieu d'en retirer un : les autres
fr: sont dans le tube et personne ne le sait.
*/

/*@region 14.2*/
static void pool_trigger(void)
{
    struct triple triple;

    for (int i = 0; i < WORKERS && pool.queued > 0; i++) {
        if (pool.workers[i].job)
            continue;
        lesson_unwrap((int)read(pool.queue[0], &triple, sizeof(triple)),
                      "read");
        worker_give(&pool.workers[i], &triple);
        pool.queued = 0;
    }
}
/*@end 14.2*/
