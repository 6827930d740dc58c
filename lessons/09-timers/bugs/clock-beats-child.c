/*@answer
cause: ERROR LOST
found: case timeout
en: Polls the timer first, and looks at the child only if that is PENDING: a
en: result that is there is thrown away.
fr: Sonde d'abord le minuteur, et ne regarde l'enfant que s'il est PENDING : un
fr: résultat qui est là est jeté.
*/

/*@region 9.3*/
static enum rv_poll timeout_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct timeout *self = RV_CONTAINER_OF(future, struct timeout, future);

    if (rv_poll(&self->timer.future, cx) == RV_READY) {
        rv_drop(self->child);
        RV_RETURN(future, -ETIMEDOUT);
    }
    if (rv_poll(self->child, cx) == RV_READY) {
        rv_drop(&self->timer.future);
        RV_RETURN(future, self->child->result);
    }
    return RV_PENDING;
}
/*@end 9.3*/
