/*@answer
en: Keeps in the future's own `at` that it has yielded, and wakes with a clone
en: of the waker.
fr: Retient dans le `at` de la future qu'elle a cédé son tour, et réveille
fr: avec une copie du waker.
*/

/*@region 8.4*/
static enum rv_poll yield_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_waker waker;

    if (future->at++)
        return RV_READY;
    waker = rv_waker_clone(&cx->waker);
    rv_waker_wake_and_drop(&waker);
    return RV_PENDING;
}
/*@end 8.4*/
