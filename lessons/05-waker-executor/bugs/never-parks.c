/*@answer
cause: BUSY LOOP
found: figures
en: park() returns at once, so everything works, and a processor is busy all the
en: time: lesson 02 again.
fr: park() revient tout de suite : tout marche, et un processeur travaille sans
fr: arrêt. C'est la leçon 02.
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
    self->permit = false;
}

static void unpark(struct parker *self)
{
    self->permit = true;
}
/*@end 5.4*/
