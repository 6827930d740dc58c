/*@answer
cause: FORGOTTEN TASK
kind: left in the queue
found: cases
en: A number whose task is finished ends the loop, and what is behind it in the
    queue waits for the next unpark.
fr: Un numéro dont la tâche est finie arrête la boucle, et ce qui est derrière
    lui dans la file attend le prochain unpark.
*/

/*@region 5.3*/
static void run_ready_tasks(void)
{
    size_t task_id = 0;

    while (pop_ready(&executor.ready_queue, &task_id)) {
        struct future *task = get_future(task_id);
        const struct waker waker = get_waker(task_id);

        if (task == NULL)
            break;
        figures.polls++;
        if (task->poll(task, &waker) == NOT_READY)
            insert_task(task_id, task);
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
