/*@answer
cause: DANGLING POINTER
found: plain
en: Keeps the two children in a local array. rv_all reads it at each poll, and
en: the poll that made it has returned.
fr: Garde les deux enfants dans un tableau local. rv_all le lit à chaque
fr: sondage, et le sondage qui l'a créé est revenu.
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
    struct rv_future *children[2] = {&self->read.future, &self->hash.future};
    int32_t length;

    RV_BEGIN(future);
    read_init(&self->read, &self->blocks[0], self->stream, 0);
    RV_AWAIT(future, cx, &self->read.future);
    while ((length = self->read.future.result) > 0) {
        hash_init(&self->hash, &self->blocks[self->number % 2], length);
        self->number++;
        read_init(&self->read, &self->blocks[self->number % 2], self->stream,
                  self->number);
        rv_all_init(&self->both, children, 2);
        RV_AWAIT(future, cx, &self->both.future);
    }
    RV_RETURN(future, self->read.future.result);
    RV_END(future);
}
/*@end 15.2*/
