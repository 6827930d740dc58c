/*@answer
cause: STACK GONE
found: plain
en: Frees the stack after each resume: "it has returned". It has yielded, and
en: what it will go on with is there.
fr: Rend la pile après chaque reprise : « elle est revenue ». Elle a cédé, et
fr: ce avec quoi elle continuera s'y trouve.
*/
/*@region 16.5*/
static void run_all(struct coro *coros, int count)
{
    for (int left = count; left > 0;) {
        for (int i = 0; i < count; i++) {
            if (coros[i].done)
                continue;
            coro_resume(&coros[i]);
            munmap(coros[i].memory, coros[i].memory_bytes);
            left -= coros[i].done;
        }
    }
}
/*@end 16.5*/
