/*@answer
en: Gathers address and size by writev(): one write, one packet.
fr: Réunit l'adresse et la taille par writev() : une écriture, un paquet.
*/

/*@region 11.4*/
#include <sys/uio.h>

static bool pipe_thread_submit(struct pipe_thread *self,
                               struct callable *callable)
{
    struct iovec parts[] = {{&callable, sizeof(callable)},
                            {&callable->bytes, sizeof(size_t)}};

    return writev(self->jobs[1], parts, 2) == PACKET_BYTES;
}

static void pipe_thread_stop(struct pipe_thread *self)
{
    int *const last = &self->done[0];

    if (close(self->jobs[1]) == 0 && pthread_join(self->thread, NULL) == 0)
        close(*last);
}
/*@end 11.4*/
