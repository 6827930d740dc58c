/*@answer
cause: WRONG TASK
found: case finds
en: Looks into the injector first: its lock is taken for each task that is
en: found, and nobody has a queue of its own any more.
fr: Regarde d'abord dans l'injecteur : son verrou est pris pour chaque tâche
fr: trouvée, et la file à soi ne sert plus à rien.
*/

/*@region 17.2*/
static struct task *find_task(struct worker *self)
{
    struct task *task = injector_take();

    if (!task)
        task = deque_pop(&self->deque);
    for (int i = 1; i < worker_count && !task; i++)
        task = deque_steal(&workers[(self->number + i) % worker_count].deque);
    return task;
}
/*@end 17.2*/
