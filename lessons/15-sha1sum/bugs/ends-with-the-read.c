/*@answer
cause: READY TOO EARLY
found: case overlap
en: Begins the hash, and waits for the read only; the hash before is awaited in
en: the next round. After the last block there is no next round.
fr: Commence le hachage, et n'attend que la lecture ; le hachage d'avant est
fr: attendu au tour suivant. Après le dernier bloc, il n'y a pas de tour
fr: suivant.
*/

/*@region 15.2*/
struct file {
    struct rv_future future;
    struct stream *stream;
    struct rv_blocking read, hash;
    struct block blocks[2];
    int number; /* of the block that is read */
    int32_t length;
    enum rv_poll begun;
};

static enum rv_poll hash_file_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct file *self = RV_CONTAINER_OF(future, struct file, future);

    RV_BEGIN(future);
    read_init(&self->read, &self->blocks[0], self->stream, 0);
    RV_AWAIT(future, cx, &self->read.future);
    while ((self->length = self->read.future.result) > 0) {
        if (self->number > 0 && self->begun == RV_PENDING)
            RV_AWAIT(future, cx, &self->hash.future);
        hash_init(&self->hash, &self->blocks[self->number % 2], self->length);
        self->begun = rv_poll(&self->hash.future, cx);
        self->number++;
        read_init(&self->read, &self->blocks[self->number % 2], self->stream,
                  self->number);
        RV_AWAIT(future, cx, &self->read.future);
    }
    RV_RETURN(future, self->read.future.result);
    RV_END(future);
}
/*@end 15.2*/
