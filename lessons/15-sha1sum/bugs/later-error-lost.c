/*@answer
cause: ERROR LOST
found: case error
en: Looks for an error after the first read only: if a later one fails, the sum
en: is wrong and the result 0.
fr: Ne cherche une erreur qu'après la première lecture : si une autre échoue,
fr: la somme est fausse et le résultat 0.
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
    if (self->read.future.result < 0)
        RV_RETURN(future, self->read.future.result);
    while ((length = self->read.future.result) > 0) {
        hash_init(&self->hash, &self->blocks[self->number % 2], length);
        self->number++;
        read_init(&self->read, &self->blocks[self->number % 2], self->stream,
                  self->number);
        rv_all_init(&self->both, self->children, 2);
        RV_AWAIT(future, cx, &self->both.future);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}
/*@end 15.2*/
