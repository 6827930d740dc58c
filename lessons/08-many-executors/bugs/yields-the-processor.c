/*@answer
cause: NEVER YIELDED
found: case turns
en: sched_yield() gives the processor to another thread. The tasks of this
en: executor are on this thread, and wait.
fr: sched_yield() cède le processeur à un autre thread. Les tâches de cet
fr: exécuteur sont sur ce thread-ci, et attendent.
*/

/*@region 8.4*/
static enum rv_poll yield_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)future;
    (void)cx;
    sched_yield();
    return RV_READY;
}
/*@end 8.4*/
