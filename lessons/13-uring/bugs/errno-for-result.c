/*@answer
cause: ERROR LOST
found: case submit
en: Calls io_uring_enter() itself and returns -1 for each error.
fr: Appelle io_uring_enter() elle-même, et renvoie -1 pour toute erreur.
*/

/*@region 13.2*/
static int ring_submit(struct ring *self)
{
    const unsigned count = self->filled - *self->sq_tail;

    if (count == 0)
        return 0;
    /* release: what is in the entries comes before; the kernel's acquire of
     * the tail sees it. */
    __atomic_store_n(self->sq_tail, self->filled, __ATOMIC_RELEASE);
    return (int)syscall(SYS_io_uring_enter, self->fd, count, 0, 0, NULL, 0);
}
/*@end 13.2*/
