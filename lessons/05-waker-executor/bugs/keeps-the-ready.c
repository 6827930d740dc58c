/*@answer
cause: NEVER STOPS
kind: a READY task was kept
found: plain
en: The task goes back to `tasks` before its poll, and stays there when it is
    READY.
fr: La tâche retourne dans `tasks` avant son sondage, et y reste quand elle est
    READY.
*/

/*@region 5.3*/
static void run_ready_tasks(void)
{
    size_t task_id;

    while (pop_ready(&executor.ready_queue, &task_id)) {
        struct future *task = get_future(task_id);
        const struct waker waker = get_waker(task_id);

        if (!task)
            continue;
        figures.polls++;
        insert_task(task_id, task);
        task->poll(task, &waker);
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
