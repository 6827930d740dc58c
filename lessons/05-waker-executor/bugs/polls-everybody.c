/*@answer
cause: POLLS EVERYBODY
found: case owner
en: Takes the wake for "something has happened" and asks all tasks. With two
en: GETs one after the other the figures are the right ones.
fr: Prend le réveil pour « il s'est passé quelque chose » et sonde toutes les
fr: tâches. Avec deux GET l'un après l'autre, les chiffres sont les bons.
*/

/*@region 5.3*/
static void run_ready_tasks(void)
{
    size_t task_id;

    while (pop_ready(&executor.ready_queue, &task_id)) {
        for (size_t i = 0; i < executor.next_task_id; i++) {
            struct future *task = get_future(i);
            const struct waker waker = get_waker(i);

            if (!task)
                continue;
            figures.polls++;
            if (task->poll(task, &waker) == NOT_READY)
                insert_task(i, task);
        }
    }
}

static void block_on(struct future *future)
{
    spawn(future);
    for (;;) {
        run_ready_tasks();
        if (task_count() == 0)
            break;
        park(&executor.parker);
    }
    lesson_log("All tasks finished");
}
/*@end 5.3*/
