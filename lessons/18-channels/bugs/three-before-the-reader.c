/*@answer
cause: DEADLOCK
kind: nobody pops
found: plain
en: The platform's own sample: the third push waits for a reader that the line
en: below it would start.
fr: L'exemple même de la plateforme : le troisième push attend un lecteur que la
fr: ligne suivante lancerait.
*/
/*@region 18.3*/
static void numbers(struct spsc *channel)
{
    spsc_push(channel, 41);
    spsc_push(channel, 42);
    spsc_push(channel, 43);
    spawn_reader(channel);
}
/*@end 18.3*/
