/*@answer
en: A semaphore of System V: unpark adds one, park takes one and sleeps if there
en: is none.
fr: Un sémaphore System V : unpark ajoute un, park prend un et dort s'il n'y en
fr: a pas.
*/

/*@region 5.4*/
#include <sys/sem.h>

struct parker {
    int id;
};

static void parker_init(struct parker *self)
{
    self->id = lesson_unwrap(semget(IPC_PRIVATE, 1, 0600), "semget");
}

static void park(struct parker *self)
{
    struct sembuf take = {0, -1, 0};

    while (semop(self->id, &take, 1) < 0)
        lesson_expect(errno == EINTR, "semop");
}

static void unpark(struct parker *self)
{
    struct sembuf give = {0, 1, 0};

    lesson_unwrap(semop(self->id, &give, 1), "semop");
}
/*@end 5.4*/
