/*@answer
cause: LOST TIMER
kind: not at its deadline
en: A timer is taken when its deadline is over, and the timerfd rings at the
en: deadline. On a real clock it is over by then; on a frozen one it is not.
fr: Un minuteur est pris quand son échéance est passée, et le timerfd sonne à
fr: l'échéance. Sur une vraie horloge, elle est alors passée ; sur une horloge
fr: arrêtée, non.
*/
/*@region 9.2*/
static void timer_fire(int64_t now_ns)
{
    struct heap_node *first;

    while ((first = heap_first(&timers.heap)) && first->key < now_ns) {
        struct timer *timer = RV_CONTAINER_OF(first, struct timer, node);

        heap_remove(&timers.heap, first);
        rv_waker_wake(&timer->waker);
    }
    timer_arm();
}
/*@end 9.2*/
