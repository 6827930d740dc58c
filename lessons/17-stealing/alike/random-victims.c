/*@answer
en: Begins with a random victim, tries each twice, and looks into the injector
en: first each eighth time, so that main does not wait for ever.
fr: Commence par une victime au hasard, essaie chacune deux fois, et regarde
fr: une fois sur huit d'abord dans l'injecteur, pour que main n'attende pas
fr: sans fin.
*/
/*@region 17.2*/
static struct task *find_task(struct worker *self)
{
    static _Thread_local unsigned random = 1;
    struct task *task = NULL;

    random = random * 1103515245 + 12345;
    if (random >> 16 & 7)
        task = deque_pop(&self->deque);
    if (!task)
        task = injector_take();
    if (!task)
        task = deque_pop(&self->deque);
    for (int i = 0; i < 2 * worker_count && !task; i++) {
        const int victim = (int)(random >> 16) % worker_count + i;

        if (victim % worker_count != self->number)
            task = deque_steal(&workers[victim % worker_count].deque);
    }
    return task;
}
/*@end 17.2*/
