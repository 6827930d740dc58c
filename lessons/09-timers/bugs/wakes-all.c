/*@answer
cause: POLLS EVERYBODY
found: case fire
en: Wakes every task that waits for a timer: each will see for itself whether
en: it is due.
fr: Réveille toutes les tâches qui attendent un minuteur : chacune verra bien
fr: si c'est son heure.
*/

/*@region 9.2*/
static void timer_fire(int64_t now_ns)
{
    (void)now_ns;
    while (timers.heap.count > 0) {
        struct heap_node *first = heap_first(&timers.heap);

        heap_remove(&timers.heap, first);
        rv_waker_wake(&RV_CONTAINER_OF(first, struct timer, node)->waker);
    }
    timer_arm();
}
/*@end 9.2*/
