/*@answer
cause: RESUMED AFTER ITS END
found: case turns
en: Resumes all in each round, also those that are done.
fr: Reprend tout le monde à chaque tour, aussi celles qui sont finies.
*/
/*@region 16.5*/
static void run_all(struct coro *coros, int count)
{
    bool left = true;

    while (left) {
        left = false;
        for (int i = 0; i < count; i++) {
            coro_resume(&coros[i]);
            left |= !coros[i].done;
        }
    }
    for (int i = 0; i < count; i++)
        stack_free(&coros[i]);
}
/*@end 16.5*/
