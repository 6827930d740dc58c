/*@answer
en: A list instead of a ring buffer; its nodes come from malloc().
fr: Une liste au lieu d'un tampon circulaire ; ses maillons viennent de
fr: malloc().
*/
/*@region 18.1*/
struct value {
    struct value *next;
    int value;
};

struct spsc {
    pthread_mutex_t lock;
    unsigned long capacity, count;
    struct value *first, **last;
    struct wake_door room, filled;
};

static void spsc_open(struct spsc *self, unsigned long capacity)
{
    *self = (struct spsc){.capacity = capacity};
    self->last = &self->first;
    pthread_mutex_init(&self->lock, NULL);
    door_init(&self->room);
    door_init(&self->filled);
}

static bool spsc_append(struct spsc *self, struct value *value)
{
    bool done;

    pthread_mutex_lock(&self->lock);
    done = self->count < self->capacity;
    if (done) {
        self->count++;
        *self->last = value;
        self->last = &value->next;
    }
    pthread_mutex_unlock(&self->lock);
    return done;
}

static void spsc_push(struct spsc *self, int value)
{
    struct value *node = malloc(sizeof(*node));

    *node = (struct value){.value = value};
    while (!spsc_append(self, node))
        door_park(&self->room);
    door_unpark(&self->filled);
}
/*@end 18.1*/
/*@region 18.2*/
static struct value *spsc_take(struct spsc *self)
{
    struct value *node;

    pthread_mutex_lock(&self->lock);
    node = self->first;
    if (node) {
        self->count--;
        self->first = node->next;
        if (!self->first)
            self->last = &self->first;
    }
    pthread_mutex_unlock(&self->lock);
    return node;
}

static int spsc_pop(struct spsc *self)
{
    struct value *node;
    int value;

    for (;;) {
        node = spsc_take(self);
        if (node)
            break;
        door_park(&self->filled);
    }
    door_unpark(&self->room);
    value = node->value;
    free(node);
    return value;
}
/*@end 18.2*/
