/*@answer
cause: DRIFTS
found: case drift
en: The next tick is a period after now: each delay moves all ticks that
en: follow.
fr: Le tic suivant vient une période après maintenant : chaque retard décale
fr: tous ceux qui suivent.
*/

/*@region 9.4*/
static void ticker_next(struct ticker *self)
{
    self->next_ns = rv_now_ns();
    self->next_ns += self->period_ns;
    timer_init(&self->timer, self->next_ns);
}
/*@end 9.4*/
