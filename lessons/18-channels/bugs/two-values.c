/*@answer
cause: DEADLOCK
kind: nobody pushes
found: plain
en: Leaves out the third push, so that it cannot wait. The reader waits for it.
fr: Supprime le troisième push, pour qu'il n'attende pas. C'est le lecteur qui
fr: l'attend.
*/
/*@region 18.3*/
static void numbers(struct spsc *channel)
{
    spsc_push(channel, 41);
    spsc_push(channel, 42);
    spawn_reader(channel);
}
/*@end 18.3*/
