/*@answer
cause: STARVATION
found: case turns
en: Resumes each until it is done. All sums are right, and a coroutine that
en: never ends would keep the others from ever running.
fr: Reprend chacune jusqu'à sa fin. Toutes les sommes sont justes, et une
fr: coroutine qui ne finit jamais empêcherait les autres de tourner.
*/
/*@region 16.5*/
static void run_all(struct coro *coros, int count)
{
    for (int i = 0; i < count; i++) {
        while (!coros[i].done)
            coro_resume(&coros[i]);
        stack_free(&coros[i]);
    }
}
/*@end 16.5*/
