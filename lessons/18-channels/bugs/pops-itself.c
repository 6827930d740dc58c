/*@answer
cause: DEADLOCK
kind: nobody pushes
found: plain
en: Makes room by a pop of its own, and throws the value away.
fr: Fait de la place par un pop à elle, et jette la valeur.
*/

/*@region 18.3*/
static void numbers(struct spsc *channel)
{
    spsc_push(channel, 41);
    spsc_push(channel, 42);
    spsc_pop(channel);
    spsc_push(channel, 43);
    spawn_reader(channel);
}
/*@end 18.3*/
