/*@answer
cause: TOO MANY
kind: wake-ups
found: figures
en: One ring, one timer: takes the first and arms again, for a time that has
en: passed. A thousand wake-ups for ten deadlines.
fr: Une sonnerie, un minuteur : prend le premier et réarme, pour un instant
fr: déjà passé. Mille réveils pour dix échéances.
*/

/*@region 9.2*/
static void timer_fire(int64_t now_ns)
{
    struct heap_node *first;

    if ((first = heap_first(&timers.heap)) && first->key <= now_ns) {
        heap_remove(&timers.heap, first);
        rv_waker_wake(&RV_CONTAINER_OF(first, struct timer, node)->waker);
    }
    timer_arm();
}
/*@end 9.2*/
