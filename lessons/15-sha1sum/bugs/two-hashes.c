/*@answer
cause: BOTH AT ONCE
kind: two hashes
found: plain
en: Begins a hash and waits for the read only. The next hash begins while the
en: last one runs: both change the same sum.
fr: Commence un hachage et n'attend que la lecture. Le hachage suivant commence
fr: pendant que le précédent tourne : les deux changent la même somme.
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
        hash_init(&self->hash, &self->blocks[self->number % 2], length);
        rv_poll(&self->hash.future, cx);
        self->number++;
        read_init(&self->read, &self->blocks[self->number % 2], self->stream,
                  self->number);
        RV_AWAIT(future, cx, &self->read.future);
    }
    RV_AWAIT(future, cx, &self->hash.future);
    RV_RETURN(future, self->read.future.result);
    RV_END(future);
}
/*@end 15.2*/
