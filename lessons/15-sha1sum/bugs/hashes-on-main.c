/*@answer
cause: BLOCKS THE OTHERS
found: plain
en: Calls hash_bytes() itself, as the block is there. The executor computes, and
en: all other tasks wait.
fr: Appelle hash_bytes() elle-même, puisque le bloc est là. L'exécuteur calcule,
fr: et toutes les autres tâches attendent.
*/

/*@region 15.2*/
struct file {
    struct rv_future future;
    struct stream *stream;
    struct rv_blocking read, hash;
    struct rv_all both; /* READY when its children are; see combine.h */
    struct rv_future *children[2];
    struct block blocks[2];
    int number; /* of the block that is read */
};

static enum rv_poll hash_file_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct file *self = RV_CONTAINER_OF(future, struct file, future);
    int32_t length;

    RV_BEGIN(future);
    self->children[0] = &self->read.future;
    self->children[1] = &self->hash.future;
    read_init(&self->read, &self->blocks[0], self->stream, 0);
    RV_AWAIT(future, cx, &self->read.future);
    while ((length = self->read.future.result) > 0) {
        hash_bytes(&self->stream->sha1, self->blocks[self->number % 2].bytes,
                   (size_t)length);
        self->number++;
        read_init(&self->read, &self->blocks[self->number % 2], self->stream,
                  self->number);
        RV_AWAIT(future, cx, &self->read.future);
    }
    RV_RETURN(future, self->read.future.result);
    RV_END(future);
}
/*@end 15.2*/
