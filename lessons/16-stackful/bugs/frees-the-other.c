/*@answer
cause: STACK GONE
found: plain
en: Frees the stack of the other one, which goes on on it at its next resume.
fr: Rend la pile de l'autre, qui y continue à sa reprise suivante.
*/
/*@region 16.5*/
static void run_all(struct coro *coros, int count)
{
    for (int left = count; left > 0;) {
        for (int i = 0; i < count; i++) {
            if (coros[i].done)
                continue;
            coro_resume(&coros[i]);
            if (coros[i].done) {
                stack_free(&coros[count - 1 - i]);
                left--;
            }
        }
    }
}
/*@end 16.5*/
