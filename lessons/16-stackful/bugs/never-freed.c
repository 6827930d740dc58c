/*@answer
cause: STACK LEFT BEHIND
found: case alone
en: Nobody frees the stacks.
fr: Personne ne rend les piles.
*/
/*@region 16.5*/
static void run_all(struct coro *coros, int count)
{
    int left = count;

    (void)stack_free;
    while (left > 0) {
        for (int i = 0; i < count; i++) {
            if (coros[i].done)
                continue;
            coro_resume(&coros[i]);
            left -= coros[i].done;
        }
    }
}
/*@end 16.5*/
