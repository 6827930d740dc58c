/*@answer
cause: BUSY LOOP
kind: wakes itself
found: plain
en: Wakes itself and says PENDING, each time: it does not keep that it has had
en: its turn.
fr: Se réveille et répond PENDING, à chaque fois : elle ne retient pas qu'elle
fr: a cédé son tour.
*/

/*@region 8.4*/
static enum rv_poll yield_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)future;
    rv_waker_wake(&cx->waker);
    return RV_PENDING;
}
/*@end 8.4*/
