/*@answer
en: A state machine by hand. It swaps two pointers, and knows by a short block
en: that the end has come: no read for it.
fr: Une machine à états écrite à la main. Elle échange deux pointeurs, et
fr: reconnaît la fin à un bloc court : aucune lecture pour elle.
*/

/*@region 15.2*/
struct file {
    struct rv_future future;
    struct stream *stream;
    struct rv_blocking read, hash;
    struct block blocks[2], *next, *other;
    bool begun, reading, hashing, last;
    int number;
};

static void read_on(struct file *self)
{
    read_init(&self->read, self->next, self->stream, self->number++);
    self->reading = true;
}

/* The read is over. Returns: a negative errno, or 0. */
static int take_block(struct file *self)
{
    struct block *full = self->next;
    const int32_t length = self->read.future.result;

    if (length <= 0)
        return length;
    hash_init(&self->hash, full, length);
    self->hashing = true;
    self->next = self->other;
    self->other = full;
    self->last = length < BLOCK_BYTES;
    if (!self->last)
        read_on(self);
    return 0;
}

static enum rv_poll hash_file_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct file *self = RV_CONTAINER_OF(future, struct file, future);

    if (!self->begun) {
        self->begun = true;
        self->next = &self->blocks[0];
        self->other = &self->blocks[1];
        read_on(self);
    }
    for (;;) {
        if (self->reading && rv_poll(&self->read.future, cx) == RV_READY)
            self->reading = false;
        if (self->hashing && rv_poll(&self->hash.future, cx) == RV_READY)
            self->hashing = false;
        if (self->reading || self->hashing)
            return RV_PENDING;
        future->result = self->last ? 0 : take_block(self);
        if (!self->reading && !self->hashing)
            return RV_READY;
    }
}
/*@end 15.2*/
