/*@answer
en: The mutex and the condition of C11 (<threads.h>) instead of those of POSIX.
fr: Le mutex et la condition de C11 (<threads.h>) au lieu de ceux de POSIX.
*/

/*@region 5.4*/
#include <threads.h>

struct parker {
    mtx_t lock;
    cnd_t unparked;
    bool permit; /* left by unpark(), taken by park() */
};

static void parker_init(struct parker *self)
{
    mtx_init(&self->lock, mtx_plain);
    cnd_init(&self->unparked);
    self->permit = false;
}

static void park(struct parker *self)
{
    mtx_lock(&self->lock);
    lesson_log_park(self->permit);
    while (!self->permit)
        cnd_wait(&self->unparked, &self->lock);
    self->permit = false;
    mtx_unlock(&self->lock);
}

static void unpark(struct parker *self)
{
    mtx_lock(&self->lock);
    self->permit = true;
    cnd_signal(&self->unparked);
    mtx_unlock(&self->lock);
}
/*@end 5.4*/
