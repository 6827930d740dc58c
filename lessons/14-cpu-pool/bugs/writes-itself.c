/*@answer
cause: BLOCKS THE OTHERS
found: plain
en: Writes to the pipe itself. The first 24 go well: eight are read at once, and
en: sixteen have room. The next one would have main sleep in write().
fr: Écrit lui-même dans le tube. Les 24 premiers passent : huit sont lus
fr: aussitôt, seize ont de la place. Au suivant, main s'endormirait dans
fr: write().
*/

/*@region 14.1*/
static void pool_execute(struct job *job)
{
    lesson_unwrap((int)write(pool.queue[1], &job->triple, sizeof(job->triple)),
                  "write");
    pool.queued++;
    pool_trigger();
}
/*@end 14.1*/
