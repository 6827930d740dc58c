/*@answer
en: A futex instead of mutex and condition: the permit is the word it waits on.
fr: Un futex au lieu d'un mutex et d'une condition : le jeton est le mot
fr: attendu.
*/

/*@region 5.4*/
#include <linux/futex.h>
#include <sys/syscall.h>

struct parker {
    atomic_uint permit;
};

static void parker_init(struct parker *self)
{
    atomic_init(&self->permit, 0);
}

static void park(struct parker *self)
{
    while (atomic_exchange(&self->permit, 0) == 0)
        syscall(SYS_futex, &self->permit, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static void unpark(struct parker *self)
{
    if (atomic_exchange(&self->permit, 1) == 0)
        syscall(SYS_futex, &self->permit, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
/*@end 5.4*/
