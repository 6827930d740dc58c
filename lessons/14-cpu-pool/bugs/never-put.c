/*@answer
cause: NEVER RELEASED
found: case dropped
en: Leaves the job to the pool: "it has a reference too". It puts its own, and
en: one is left, for ever.
fr: Laisse le travail au pool : « il a une référence aussi ». Le pool rend la
fr: sienne, et il en reste une, pour toujours.
*/

/*@region 14.4*/
static void run_drop(struct rv_future *future)
{
    (void)future;
}
/*@end 14.4*/
