/*@answer
en: No rv_all: one poll begins the hash, then the read is awaited, then the
en: hash.
fr: Sans rv_all : un sondage commence le hachage, puis la lecture est attendue,
fr: puis le hachage.
*/

/*@region 15.2*/
struct file {
    struct rv_future future;
    struct stream *stream;
    struct rv_blocking read, hash;
    struct block blocks[2];
    int number; /* of the block that is read */
    enum rv_poll begun;
};

static enum rv_poll hash_file_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct file *self = RV_CONTAINER_OF(future, struct file, future);

    RV_BEGIN(future);
    read_init(&self->read, &self->blocks[0], self->stream, 0);
    RV_AWAIT(future, cx, &self->read.future);
    while (self->read.future.result > 0) {
        hash_init(&self->hash, &self->blocks[self->number % 2],
                  self->read.future.result);
        self->begun = rv_poll(&self->hash.future, cx);
        self->number++;
        read_init(&self->read, &self->blocks[self->number % 2], self->stream,
                  self->number);
        RV_AWAIT(future, cx, &self->read.future);
        if (self->begun == RV_PENDING)
            RV_AWAIT(future, cx, &self->hash.future);
    }
    RV_RETURN(future, self->read.future.result);
    RV_END(future);
}
/*@end 15.2*/
