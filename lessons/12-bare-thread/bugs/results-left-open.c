/*@answer
cause: NEVER STOPS
found: plain
en: The bare thread ends and does not close the results. All threads share the
en: descriptors, so the end of a thread closes none.
fr: Le thread nu se termine sans fermer les résultats. Tous les threads
fr: partagent les descripteurs : la fin d'un thread n'en ferme aucun.
*/
/*@region 12.5*/
static void bare_main(void *args)
{
    struct bare_thread *self = args;
    four numbers;

    while (sys3(SYS_read, self->jobs[0], (long)&numbers, 16) == 16) {
        numbers = square(numbers);
        sys3(SYS_write, self->results[1], (long)&numbers, 16);
    }
    thread_end(self->stack, self->size);
}
/*@end 12.5*/
