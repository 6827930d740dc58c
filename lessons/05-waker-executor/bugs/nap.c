/*@answer
cause: SLEEPS INSTEAD OF WAITING
found: figures
en: Looks again every millisecond. Right answers, late by up to a millisecond,
en: and a thread that never rests.
fr: Regarde de nouveau chaque milliseconde. Les réponses sont justes, en retard
fr: d'une milliseconde au plus, et le thread ne se repose jamais.
*/

/*@region 5.4*/
struct parker {
    atomic_bool permit;
};

static void parker_init(struct parker *self)
{
    self->permit = false;
}

static void park(struct parker *self)
{
    while (!atomic_exchange(&self->permit, false))
        usleep(1000);
}

static void unpark(struct parker *self)
{
    self->permit = true;
}
/*@end 5.4*/
