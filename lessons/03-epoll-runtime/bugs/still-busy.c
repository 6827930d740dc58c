/*@answer
cause: BUSY LOOP
found: plain
en: block_on() is still the loop of lesson 02: it never sleeps.
fr: block_on() est encore la boucle de la leçon 02 : elle ne dort jamais.
*/
/*@region 3.3*/
static void block_on(const struct runtime *self, struct future *future)
{
    (void)self;
    (void)event_queue_wait;
    while (poll_task(future) == NOT_READY) {
        lesson_log("Schedule other tasks");
    }
}
/*@end 3.3*/
