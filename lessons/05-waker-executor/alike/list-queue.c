/*@answer
en: A linked list on the heap that takes duplicates: a task woken twice is
en: polled twice, and the second poll is spurious.
fr: Une liste chaînée sur le tas, avec doublons : une tâche réveillée deux fois
fr: est sondée deux fois, et le second sondage est superflu.
*/

/*@region 5.1*/
struct node {
    size_t task_id;
    struct node *next;
};

struct ready_queue {
    pthread_mutex_t lock;
    struct node *first;
    struct node **last;
};

static void ready_queue_init(struct ready_queue *self)
{
    pthread_mutex_init(&self->lock, NULL);
    self->first = NULL;
    self->last = &self->first;
}

static void push_ready(struct ready_queue *self, size_t task_id)
{
    struct node *node = malloc(sizeof(*node));

    lesson_expect(node != NULL, "out of memory");
    node->task_id = task_id;
    node->next = NULL;
    pthread_mutex_lock(&self->lock);
    *self->last = node;
    self->last = &node->next;
    pthread_mutex_unlock(&self->lock);
    figures.wakes++;
}

static bool pop_ready(struct ready_queue *self, size_t *task_id)
{
    struct node *node;

    pthread_mutex_lock(&self->lock);
    node = self->first;
    if (node) {
        self->first = node->next;
        if (!self->first)
            self->last = &self->first;
    }
    pthread_mutex_unlock(&self->lock);
    if (!node)
        return false;
    *task_id = node->task_id;
    free(node);
    return true;
}
/*@end 5.1*/
