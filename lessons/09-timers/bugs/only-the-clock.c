/*@answer
cause: FORGOTTEN TASK
kind: never asked
found: case timeout
en: Waits for the timer alone, and then says that it is over.
fr: N'attend que le minuteur, puis dit que c'est fini.
*/

/*@region 9.3*/
static enum rv_poll timeout_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct timeout *self = RV_CONTAINER_OF(future, struct timeout, future);

    if (rv_poll(&self->timer.future, cx) == RV_READY) {
        rv_drop(self->child);
        RV_RETURN(future, -ETIMEDOUT);
    }
    return RV_PENDING;
}
/*@end 9.3*/
