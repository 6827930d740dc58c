/*@answer
cause: STALE COMPLETION
found: case stale
en: Looks at the slot and not at the generation: a late completion is taken
en: for that of the new owner.
fr: Regarde le slot et pas la génération : une complétion tardive passe pour
fr: celle du nouveau propriétaire.
*/

/*@region 13.3*/
static void ring_reap(struct ring *self)
{
    const unsigned tail = __atomic_load_n(self->cq_tail, __ATOMIC_ACQUIRE);
    unsigned head = *self->cq_head;

    for (; head != tail; head++) {
        const struct io_uring_cqe *entry = &self->cqes[head & self->cq_mask];
        struct slot *slot = ring_slot(self, entry->user_data);

        if (!slot->taken)
            continue; /* of somebody who did not wait for it */
        slot->result = entry->res;
        slot->done = true;
        rv_waker_wake(&slot->waker);
    }
    __atomic_store_n(self->cq_head, tail, __ATOMIC_RELEASE);
}
/*@end 13.3*/
