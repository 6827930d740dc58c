/*@answer
cause: ENTRY LOST
found: case counters
en: `head < tail`: true as long as neither has begun again at 0. After
en: 4,294,967,295 the tail is the smaller one.
fr: `head < tail` : c'est vrai tant qu'aucun n'a recommencé à 0. Après
fr: 4 294 967 295, c'est tail le plus petit.
*/

/*@region 13.3*/
static void ring_reap(struct ring *self)
{
    const unsigned tail = __atomic_load_n(self->cq_tail, __ATOMIC_ACQUIRE);
    unsigned head = *self->cq_head;

    for (; head < tail; head++) {
        const struct io_uring_cqe *entry = &self->cqes[head & self->cq_mask];
        struct slot *slot = ring_slot(self, entry->user_data);

        if (!slot->taken || slot->generation != entry->user_data >> 32)
            continue;
        slot->result = entry->res;
        slot->done = true;
        rv_waker_wake(&slot->waker);
    }
    __atomic_store_n(self->cq_head, tail, __ATOMIC_RELEASE);
}
/*@end 13.3*/
