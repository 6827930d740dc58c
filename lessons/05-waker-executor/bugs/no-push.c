/*@answer
cause: LOST WAKE
kind: unparked, nothing queued
found: plain
en: Takes "wake" for "wake the thread". The thread gets up, finds its queue
en: empty and goes back to sleep.
fr: Prend « réveiller » pour « réveiller le thread ». Le thread se lève, trouve
fr: sa file vide et se rendort.
*/

/*@region 5.2*/
static void wake(const struct waker *self)
{
    unpark(self->parker);
}
/*@end 5.2*/
