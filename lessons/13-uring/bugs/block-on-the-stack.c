/*@answer
cause: BUFFER NOT YOURS
found: plain
en: The block is a local variable: when the kernel reads it, another poll has
en: its own there.
fr: Le bloc est une variable locale : quand le noyau le lit, un autre sondage
fr: y a le sien.
*/

/*@region 13.4*/
static enum rv_poll write_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct write *self = (struct write *)future;
    struct io_uring_sqe *entry = NULL;

    if (!self->asked) {
        self->user_data = ring_take_slot(self->ring, &cx->waker);
        char block[BLOCK_BYTES];

        fill_block(block, self->number, block_text);
        while (!(entry = ring_next_entry(self->ring)))
            ring_submit(self->ring);
        sqe_write(entry, self->fd, block, BLOCK_BYTES, OFFSET, self->user_data);
        self->asked = true;
    }
    if (!ring_slot(self->ring, self->user_data)->done)
        return RV_PENDING;
    future->result = ring_slot(self->ring, self->user_data)->result;
    ring_free_slot(self->ring, self->user_data);
    return RV_READY;
}
/*@end 13.4*/
