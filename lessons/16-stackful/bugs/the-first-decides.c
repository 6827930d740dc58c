/*@answer
cause: FORGOTTEN TASK
found: case turns
en: Goes round until the first coroutine is done, as if it were the last one to
en: end.
fr: Continue jusqu'à ce que la première coroutine ait fini, comme si elle
fr: finissait la dernière.
*/

/*@region 16.5*/
static void run_all(struct coro *coros, int count)
{
    while (!coros[0].done) {
        for (int i = 0; i < count; i++) {
            if (coros[i].done)
                continue;
            coro_resume(&coros[i]);
            if (coros[i].done)
                stack_free(&coros[i]);
        }
    }
}
/*@end 16.5*/
