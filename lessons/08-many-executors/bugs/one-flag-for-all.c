/*@answer
cause: NEVER YIELDED
found: case turns
en: One flag for all yields of a thread: every other one does not yield.
fr: Un seul drapeau pour tous les yields d'un thread : un sur deux ne cède pas
fr: son tour.
*/

/*@region 8.4*/
static enum rv_poll yield_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct yield *self = RV_CONTAINER_OF(future, struct yield, future);

    static _Thread_local bool yielded;

    (void)self;
    yielded = !yielded;
    if (!yielded)
        return RV_READY;
    rv_waker_wake(&cx->waker);
    return RV_PENDING;
}
/*@end 8.4*/
