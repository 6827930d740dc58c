/*@answer
cause: BLOCKS THE OTHERS
found: plain
en: Makes the call on main: the pool looks on.
fr: Fait l'appel sur main : le pool regarde.
*/

/*@region 14.1*/
static void pool_execute(struct job *job)
{
    job->result = job->triple.call((int)job->triple.number);
    job->done = true;
    rv_waker_wake(&job->waker);
}
/*@end 14.1*/
