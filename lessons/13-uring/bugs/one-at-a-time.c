/*@answer
cause: NOT DRAINED
found: plain
en: One completion an event. But one event says that there are some.
fr: Une complétion par évènement. Mais un évènement dit qu'il y en a.
*/

/*@region 13.3*/
static void ring_reap(struct ring *self)
{
    const unsigned tail = __atomic_load_n(self->cq_tail, __ATOMIC_ACQUIRE);
    const unsigned head = *self->cq_head;
    const struct io_uring_cqe *entry = &self->cqes[head & self->cq_mask];
    struct slot *slot = ring_slot(self, entry->user_data);

    if (head == tail)
        return;
    if (slot->taken && slot->generation == entry->user_data >> 32) {
        slot->result = entry->res;
        slot->done = true;
        rv_waker_wake(&slot->waker);
    }
    __atomic_store_n(self->cq_head, head + 1, __ATOMIC_RELEASE);
}
/*@end 13.3*/
