/*@answer
cause: BLOCKS THE OTHERS
found: case dropped
en: Waits in the drop until the call has returned. The byte that says so is read
en: by main, and main is here.
fr: Attend dans run_drop que l'appel soit revenu. L'octet qui le dit est lu par
fr: main, et main est ici.
*/

/*@region 14.4*/
static void run_drop(struct rv_future *future)
{
    struct run *self = (struct run *)future;

    while (self->job && !self->job->done)
        continue;
    if (self->job)
        job_put(self->job);
}
/*@end 14.4*/
