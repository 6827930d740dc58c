/*@answer
cause: WRONG TASK
found: case pops
en: The owner steals from itself: safe, and the wrong end. It runs the oldest
en: tasks first, the tree in its whole breadth, and the deque overflows.
fr: Le propriétaire se vole lui-même : c'est sûr, mais c'est le mauvais bout.
fr: Il exécute d'abord les tâches les plus anciennes, tout l'arbre en largeur,
fr: et la deque déborde.
*/
/*@region 17.1*/
static struct task *deque_pop(struct deque *self)
{
    return deque_steal(self);
}
/*@end 17.1*/
