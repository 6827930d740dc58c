/*@answer
cause: BUSY LOOP
found: figures
en: "Not ready: then back into the queue." That is polling for ever; only a
en: waker may queue a task.
fr: « Pas prête : donc de retour dans la file. » C'est sonder sans fin ; seul un
fr: waker met une tâche dans la file.
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
        if (task->poll(task, &waker) == NOT_READY) {
            insert_task(task_id, task);
            push_ready(&executor.ready_queue, task_id);
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
