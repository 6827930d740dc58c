/*@answer
cause: LOST TIMER
kind: due and not woken
found: plain
en: Takes the timers that are due out of the heap, and wakes nobody.
fr: Retire du tas les minuteurs échus, et ne réveille personne.
*/

/*@region 9.2*/
static void timer_fire(int64_t now_ns)
{
    struct heap_node *first;

    while ((first = heap_first(&timers.heap)) && first->key <= now_ns) {
        heap_remove(&timers.heap, first);
    }
    timer_arm();
}
/*@end 9.2*/
