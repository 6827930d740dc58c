/*@answer
cause: ERROR LOST
found: case timeout
en: READY with 0, whatever the child says.
fr: READY avec 0, quoi que dise l'enfant.
*/

/*@region 9.3*/
static enum rv_poll timeout_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct timeout *self = RV_CONTAINER_OF(future, struct timeout, future);

    if (rv_poll(self->child, cx) == RV_READY) {
        rv_drop(&self->timer.future);
        RV_RETURN(future, 0);
    }
    if (rv_poll(&self->timer.future, cx) == RV_READY) {
        rv_drop(self->child);
        RV_RETURN(future, -ETIMEDOUT);
    }
    return RV_PENDING;
}
/*@end 9.3*/
