/*@answer
cause: WRONG CAPACITY
kind: a larger channel
found: plain
en: Makes the channel larger by hand.
fr: Agrandit le canal à la main.
*/

/*@region 18.3*/
static void numbers(struct spsc *channel)
{
    channel->capacity = 3;
    spsc_push(channel, 41);
    spsc_push(channel, 42);
    spsc_push(channel, 43);
    spawn_reader(channel);
}
/*@end 18.3*/
