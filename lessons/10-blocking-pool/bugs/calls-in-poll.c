/*@answer
cause: BLOCKS THE OTHERS
found: plain
en: Makes the call in the poll: it returns when the file is written, and the
en: clock stands still until then.
fr: Fait l'appel dans le sondage : il revient quand le fichier est écrit, et
fr: l'horloge est arrêtée jusque-là.
*/

/*@region 10.3*/
static enum rv_poll job_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct job *self = RV_CONTAINER_OF(future, struct job, future);

    (void)cx;
    (void)pool_submit;
    RV_RETURN(future, self->call(self->arg));
}
/*@end 10.3*/
