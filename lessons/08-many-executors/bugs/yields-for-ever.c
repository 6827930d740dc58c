/*@answer
cause: LOST WAKE
kind: yielded without a wake
found: plain
en: Says PENDING and waits to be polled again. There is no event that it waits
en: for, so nobody wakes it.
fr: Répond PENDING et attend qu'on la sonde de nouveau. Elle n'attend aucun
fr: évènement : personne ne la réveille.
*/

/*@region 8.4*/
static enum rv_poll yield_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct yield *self = RV_CONTAINER_OF(future, struct yield, future);

    if (self->yielded)
        return RV_READY;
    self->yielded = true;
    (void)cx;
    return RV_PENDING;
}
/*@end 8.4*/
