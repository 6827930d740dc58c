/*@answer
cause: LOST TIMER
kind: not armed again
found: plain
en: Wakes those that are due and is done: the timerfd was armed when they were
en: inserted. But it rings once, and the timers that are left wait for ever.
fr: Réveille ceux qui sont échus, et c'est tout : le timerfd a été armé à leur
fr: insertion. Mais il ne sonne qu'une fois, et ceux qui restent attendent
fr: pour toujours.
*/

/*@region 9.2*/
static void timer_fire(int64_t now_ns)
{
    struct heap_node *first;

    while ((first = heap_first(&timers.heap)) && first->key <= now_ns) {
        heap_remove(&timers.heap, first);
        rv_waker_wake(&RV_CONTAINER_OF(first, struct timer, node)->waker);
    }
}
/*@end 9.2*/
