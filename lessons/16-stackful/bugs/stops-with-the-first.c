/*@answer
cause: FORGOTTEN TASK
found: case turns
en: Ends when one is done. With two that have equally many numbers nobody sees
en: it.
fr: S'arrête quand l'une est finie. Avec deux qui ont autant de nombres,
fr: personne ne le voit.
*/
/*@region 16.5*/
static void run_all(struct coro *coros, int count)
{
    bool one_is_done = false;

    while (!one_is_done) {
        for (int i = 0; i < count; i++) {
            if (coros[i].done)
                continue;
            coro_resume(&coros[i]);
            one_is_done |= coros[i].done;
        }
    }
    for (int i = 0; i < count; i++)
        stack_free(&coros[i]);
}
/*@end 16.5*/
