/*@answer
cause: LEAKED REGISTRATION
kind: the timer stays
found: case timeout
en: Returns the child's result and leaves the timer in the heap.
fr: Rend le résultat de l'enfant et laisse le minuteur dans le tas.
*/

/*@region 9.3*/
static enum rv_poll timeout_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct timeout *self = RV_CONTAINER_OF(future, struct timeout, future);

    if (rv_poll(self->child, cx) == RV_READY) {
        RV_RETURN(future, self->child->result);
    }
    if (rv_poll(&self->timer.future, cx) == RV_READY) {
        rv_drop(self->child);
        RV_RETURN(future, -ETIMEDOUT);
    }
    return RV_PENDING;
}
/*@end 9.3*/
