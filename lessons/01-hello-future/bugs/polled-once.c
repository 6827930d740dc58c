/*@answer
cause: FORGOTTEN TASK
found: case loop
en: `if` where a loop is due: after the first NOT_READY nobody polls the task
en: again, and half of the text stays unwritten.
fr: `if` là où il faut une boucle : après le premier NOT_READY, plus personne
fr: ne sonde la tâche, et la moitié du texte n'est jamais écrite.
*/
/*@region 1.3*/
static void run_to_end(struct future *task)
{
    if (poll_task(task) == NOT_READY)
        lesson_log("Schedule other tasks");
}
/*@end 1.3*/
