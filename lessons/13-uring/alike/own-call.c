/*@answer
en: The atomics of C11 instead of the compiler's.
fr: Les atomiques de C11 au lieu de ceux du compilateur.
*/

/*@region 13.2*/
static int ring_submit(struct ring *self)
{
    _Atomic unsigned *tail = (_Atomic unsigned *)self->sq_tail;
    const unsigned count =
        self->filled - atomic_load_explicit(tail, memory_order_relaxed);

    atomic_store_explicit(tail, self->filled, memory_order_release);
    return count > 0 ? ring_enter(self, count) : 0;
}
/*@end 13.2*/
