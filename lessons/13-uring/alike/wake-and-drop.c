/*@answer
en: Copies an entry and gives it back at once; the waker is given away.
fr: Copie une entrée et la rend aussitôt ; le waker est donné.
*/

/*@region 13.3*/
static void ring_reap(struct ring *self)
{
    unsigned head = *self->cq_head;

    while (head != __atomic_load_n(self->cq_tail, __ATOMIC_ACQUIRE)) {
        const struct io_uring_cqe entry = self->cqes[head++ & self->cq_mask];
        struct slot *slot = ring_slot(self, entry.user_data);

        __atomic_store_n(self->cq_head, head, __ATOMIC_RELEASE);
        if (slot->taken && slot->generation == entry.user_data >> 32) {
            slot->done = true;
            slot->result = entry.res;
            rv_waker_wake_and_drop(&slot->waker);
        }
    }
}
/*@end 13.3*/
