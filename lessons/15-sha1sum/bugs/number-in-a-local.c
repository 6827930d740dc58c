/*@answer
cause: WRONG BLOCK
kind: asked for again
found: plain
en: Keeps the number in a local variable: it is lost at each RV_AWAIT, which
en: returns.
fr: Garde le numéro dans une variable locale : elle est perdue à chaque
fr: RV_AWAIT, qui sort de la fonction.
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
    int number = 0;

    RV_BEGIN(future);
    self->children[0] = &self->read.future;
    self->children[1] = &self->hash.future;
    read_init(&self->read, &self->blocks[0], self->stream, 0);
    RV_AWAIT(future, cx, &self->read.future);
    while ((length = self->read.future.result) > 0) {
        hash_init(&self->hash, &self->blocks[number % 2], length);
        number++;
        read_init(&self->read, &self->blocks[number % 2], self->stream, number);
        rv_all_init(&self->both, self->children, 2);
        RV_AWAIT(future, cx, &self->both.future);
    }
    RV_RETURN(future, self->read.future.result);
    RV_END(future);
}
/*@end 15.2*/
