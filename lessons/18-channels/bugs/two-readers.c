/*@answer
cause: BOTH AT ONCE
kind: two readers
found: plain
en: Starts a reader before the values and one after them, to be sure.
fr: Lance un lecteur avant les valeurs et un après, pour être sûr.
*/

/*@region 18.3*/
static void numbers(struct spsc *channel)
{
    spawn_reader(channel);
    spsc_push(channel, 41);
    spsc_push(channel, 42);
    spsc_push(channel, 43);
    spawn_reader(channel);
}
/*@end 18.3*/
