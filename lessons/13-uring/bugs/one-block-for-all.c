/*@answer
cause: BUFFER NOT YOURS
found: plain
en: One static block for all writes: each fills it anew before the kernel has
en: read it.
fr: Un seul bloc static pour toutes les écritures : chacune le remplit avant
fr: que le noyau l'ait lu.
*/

/*@region 13.4*/
static enum rv_poll write_poll(struct rv_future *future, struct rv_cx *cx)
{
    static char shared[BLOCK_BYTES];
    struct write *self = (struct write *)future;
    struct io_uring_sqe *entry = NULL;

    if (!self->asked) {
        self->asked = true;
        self->user_data = ring_take_slot(self->ring, &cx->waker);
        fill_block(shared, self->number, block_text);
        while (!(entry = ring_next_entry(self->ring)))
            ring_submit(self->ring);
        sqe_write(entry, self->fd, shared, BLOCK_BYTES, OFFSET,
                  self->user_data);
    }
    if (!ring_slot(self->ring, self->user_data)->done)
        return RV_PENDING;
    future->result = ring_slot(self->ring, self->user_data)->result;
    ring_free_slot(self->ring, self->user_data);
    return RV_READY;
}
/*@end 13.4*/
