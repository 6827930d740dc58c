/*@answer
en: An eventfd: write adds to its counter, read waits for more than zero and
en: takes it all. The kernel keeps the permit.
fr: Un eventfd : write ajoute au compteur, read attend qu'il soit non nul et
fr: prend tout. C'est le noyau qui garde le jeton.
*/

/*@region 5.4*/
#include <sys/eventfd.h>

struct parker {
    int fd;
};

static void parker_init(struct parker *self)
{
    self->fd = lesson_unwrap(eventfd(0, EFD_CLOEXEC), "eventfd");
}

static void park(struct parker *self)
{
    eventfd_t permits;

    while (eventfd_read(self->fd, &permits) < 0)
        lesson_expect(errno == EINTR, "eventfd_read");
}

static void unpark(struct parker *self)
{
    lesson_unwrap(eventfd_write(self->fd, 1), "eventfd_write");
}
/*@end 5.4*/
