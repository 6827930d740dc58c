/*@answer
cause: LEAKED REGISTRATION
kind: the child stays
found: case timeout
en: Says -ETIMEDOUT and lets the child wait on: the GET is still registered,
en: and its socket open.
fr: Répond -ETIMEDOUT et laisse l'enfant attendre : le GET est encore abonné,
fr: et sa socket ouverte.
*/

/*@region 9.3*/
static enum rv_poll timeout_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct timeout *self = RV_CONTAINER_OF(future, struct timeout, future);

    if (rv_poll(self->child, cx) == RV_READY) {
        rv_drop(&self->timer.future);
        RV_RETURN(future, self->child->result);
    }
    if (rv_poll(&self->timer.future, cx) == RV_READY) {
        RV_RETURN(future, -ETIMEDOUT);
    }
    return RV_PENDING;
}
/*@end 9.3*/
