/*@answer
en: A semaphore keeps every unpark, not only one: park() then returns once or
en: twice too often, and the executor finds its queue empty. Harmless.
fr: Un sémaphore garde chaque unpark, pas un seul : park() revient alors une ou
fr: deux fois de trop, et l'exécuteur trouve sa file vide. Sans conséquence.
*/

/*@region 5.4*/
#include <semaphore.h>

struct parker {
    sem_t permits;
};

static void parker_init(struct parker *self)
{
    sem_init(&self->permits, 0, 0);
}

static void park(struct parker *self)
{
    while (sem_wait(&self->permits) < 0)
        ;
}

static void unpark(struct parker *self)
{
    sem_post(&self->permits);
}
/*@end 5.4*/
