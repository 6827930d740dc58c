/*@answer
cause: BUSY LOOP
found: figures
en: Waits for the permit in a loop that never gives the processor away.
fr: Attend le jeton dans une boucle qui ne rend jamais le processeur.
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
        ;
}

static void unpark(struct parker *self)
{
    self->permit = true;
}
/*@end 5.4*/
