/*@answer
cause: LOST TIMER
kind: not armed again
found: case fire
en: Arms again for each timer that it wakes. If the timerfd rings for one that
en: was dropped, nobody is woken, and nothing is armed.
fr: Réarme pour chaque minuteur qu'elle réveille. Si le timerfd sonne pour un
fr: minuteur abandonné, personne n'est réveillé, et rien n'est armé.
*/

/*@region 9.2*/
static void timer_fire(int64_t now_ns)
{
    struct heap_node *first;

    while ((first = heap_first(&timers.heap)) && first->key <= now_ns) {
        heap_remove(&timers.heap, first);
        rv_waker_wake(&RV_CONTAINER_OF(first, struct timer, node)->waker);
        timer_arm();
    }
}
/*@end 9.2*/
