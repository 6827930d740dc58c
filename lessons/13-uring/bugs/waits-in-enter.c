/*@answer
cause: BLOCKS THE OTHERS
found: case submit
en: Waits in io_uring_enter() until all is done. One call, and all is right;
en: but the thread stands still meanwhile.
fr: Attend dans io_uring_enter() que tout soit fait. Un seul appel, et tout est
fr: juste ; mais le thread reste arrêté pendant ce temps.
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
    return (int)syscall(SYS_io_uring_enter, self->fd, count, count,
                        IORING_ENTER_GETEVENTS, NULL, 0);
}
/*@end 13.2*/
