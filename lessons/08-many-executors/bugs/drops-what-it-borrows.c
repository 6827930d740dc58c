/*@answer
cause: PUT TWICE
kind: a waker
found: plain
en: Wakes and drops cx->waker. It was only lent: the executor drops it as well.
fr: Réveille et rend cx->waker. Il n'était que prêté : l'exécuteur le rend
fr: aussi.
*/

/*@region 8.4*/
static enum rv_poll yield_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct yield *self = RV_CONTAINER_OF(future, struct yield, future);

    if (self->yielded)
        return RV_READY;
    self->yielded = true;
    rv_waker_wake_and_drop(&cx->waker);
    return RV_PENDING;
}
/*@end 8.4*/
