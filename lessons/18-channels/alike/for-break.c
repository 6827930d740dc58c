/*@answer
en: A loop with a break, two knocks, which leave one permit, and the reader
en: after the first value. The jobs begin with the last.
fr: Une boucle avec un break, deux coups, qui ne laissent qu'un jeton, et le
fr: lecteur après la première valeur. Les tâches commencent par la dernière.
*/

/*@region 18.1*/
struct spsc {
    unsigned long capacity;  /* 1 to MOST */
    atomic_ulong head, tail; /* popped and pushed so far; both only grow */
    struct wake_door room;   /* of the producer: the channel was full */
    struct wake_door filled; /* of the consumer: it was empty */
    int slots[MOST];
};

static void spsc_open(struct spsc *self, unsigned long capacity)
{
    *self = (struct spsc){.capacity = capacity};
    door_init(&self->room);
    door_init(&self->filled);
}

static void spsc_push(struct spsc *self, int value)
{
    const unsigned long tail = atomic_load(&self->tail);

    for (;;) {
        if (tail - atomic_load_explicit(&self->head, memory_order_acquire) <
            self->capacity)
            break;
        door_park(&self->room);
    }
    self->slots[tail % self->capacity] = value;
    atomic_store(&self->tail, tail + 1);
    door_unpark(&self->filled);
    door_unpark(&self->filled);
}
/*@end 18.1*/

/*@region 18.3*/
static void numbers(struct spsc *channel)
{
    spsc_push(channel, 41);
    spawn_reader(channel);
    rv_coro_yield();
    spsc_push(channel, 42);
    spsc_push(channel, 43);
}
/*@end 18.3*/

/*@region 18.4*/
static struct row race(const struct runtime *runtime, struct race_job *jobs,
                       int count)
{
    const struct row before = row_now();

    runtime->start();
    for (int i = count - 1; i >= 0; i--)
        runtime->go(&jobs[i]);
    for (int i = 0; i < count; i++)
        check_job((struct race_job *)mpsc_pop(&results));
    runtime->stop();
    return row_between(before, row_now());
}
/*@end 18.4*/
