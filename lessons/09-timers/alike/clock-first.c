/*@answer
en: Polls the timer before the child; and the tick is counted from the start.
fr: Sonde le minuteur avant l'enfant ; et le tic est compté depuis le début.
*/

/*@region 9.3*/
static enum rv_poll timeout_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct timeout *self = RV_CONTAINER_OF(future, struct timeout, future);
    const enum rv_poll late = rv_poll(&self->timer.future, cx);
    const enum rv_poll done = rv_poll(self->child, cx);

    if (done == RV_PENDING && late == RV_PENDING)
        return RV_PENDING;
    rv_drop(&self->timer.future);
    if (done == RV_PENDING)
        rv_drop(self->child);
    RV_RETURN(future, done == RV_READY ? self->child->result : -ETIMEDOUT);
}
/*@end 9.3*/

/*@region 9.4*/
static void ticker_next(struct ticker *self)
{
    timer_init(&self->timer, self->next_ns + self->tick * self->period_ns);
}
/*@end 9.4*/
