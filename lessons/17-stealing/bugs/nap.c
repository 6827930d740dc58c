/*@answer
cause: SLEEPS INSTEAD OF WAITING
found: figures
en: Naps for half a millisecond and looks again: always late, and never at
en: rest.
fr: Somnole une demi-milliseconde et regarde de nouveau : toujours en retard,
fr: et jamais au repos.
*/
/*@region 17.3*/
static void worker_sleep(void)
{
    if (!is_any_task())
        usleep(500);
}
/*@end 17.3*/
