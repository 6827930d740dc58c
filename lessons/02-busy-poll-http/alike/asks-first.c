/*@answer
en: Looks with poll(2), which may not wait here, before it reads: then there
en: is never an EAGAIN. The state of the second GET is a flag, both futures
en: stay.
fr: Regarde avec poll(2), qui n'attend pas ici, avant de lire : il n'y a alors
fr: jamais d'EAGAIN. L'état du second GET est un booléen, les deux futures
fr: restent.
*/
/*@region 2.1*/
#include <poll.h>

static bool readable(int stream)
{
    struct pollfd one = {.fd = stream, .events = POLLIN};

    return poll(&one, 1, 0) > 0;
}

static enum poll_state http_get_poll(struct future *future)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        if (lesson_send_request(request) < 0) {
            future->error = request->error;
            return READY;
        }
    }
    while (readable(request->stream)) {
        n = lesson_read(request);
        if (n > 0)
            continue;
        close(request->stream);
        future->error = request->error;
        return READY;
    }
    lesson_log("Data not ready");
    return NOT_READY;
}
/*@end 2.1*/
/*@region 2.2*/
struct async_main {
    struct future future;
    int port;
    bool first_done;
    struct http_get_future *first, *second;
};

static struct http_get_future *new_get(int port, const char *path)
{
    struct http_get_future *get = malloc(sizeof *get);

    lesson_expect(get != NULL, "no memory");
    *get = http_get(port, path);
    return get;
}

static bool done(struct http_get_future *get, int *error)
{
    if (get->future.poll(&get->future) == NOT_READY)
        return false;
    *error = lesson_print(&get->request);
    free(get);
    return true;
}

static enum poll_state async_main_poll(struct future *future)
{
    struct async_main *self = (struct async_main *)future;

    if (!self->first) {
        lesson_log("Program starting");
        self->first = new_get(self->port, lesson_path(0));
    }
    if (!self->first_done) {
        if (!done(self->first, &future->error))
            return NOT_READY;
        self->first_done = true;
        if (future->error)
            return READY;
        self->second = new_get(self->port, lesson_path(1));
    }
    return done(self->second, &future->error) ? READY : NOT_READY;
}
/*@end 2.2*/
