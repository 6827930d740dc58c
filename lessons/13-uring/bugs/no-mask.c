/*@answer
cause: ENTRY LOST
found: case reap
en: Takes the index from the number by a size that is not the ring's.
fr: Tire l'indice du numéro par une taille qui n'est pas celle du ring.
*/

/*@region 13.3*/
static void ring_reap(struct ring *self)
{
    const unsigned tail = __atomic_load_n(self->cq_tail, __ATOMIC_ACQUIRE);
    unsigned head = *self->cq_head;

    for (; head != tail; head++) {
        const struct io_uring_cqe *entry = &self->cqes[head % (2 * MAX_SLOTS)];
        struct slot *slot = ring_slot(self, entry->user_data);

        if (!slot->taken || slot->generation != entry->user_data >> 32)
            continue; /* of somebody who did not wait for it */
        slot->result = entry->res;
        slot->done = true;
        rv_waker_wake(&slot->waker);
    }
    __atomic_store_n(self->cq_head, tail, __ATOMIC_RELEASE);
}
/*@end 13.3*/
