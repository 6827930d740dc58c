/*@answer
cause: FORGOTTEN TASK
found: plain
en: get_future() takes the task out, and a task that is NOT_READY is not put
en: back: the executor counts no task any more, and ends.
fr: get_future() retire la tâche, et une tâche NOT_READY n'est pas remise :
fr: l'exécuteur ne compte plus aucune tâche, et se termine.
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
