/*@answer
cause: BLOCKS THE OTHERS
found: plain
en: The socket stays as it is, so recv() waits for the response inside the
en: poll. It even looks better: 3 polls, hardly any CPU. But for 600 ms nobody
en: else has a turn: the clock does not tick.
fr: La socket reste telle quelle, donc recv() attend la réponse dans le sondage.
fr: Cela paraît même mieux : 3 sondages, presque pas de CPU. Mais pendant 600
fr: ms personne d'autre n'a son tour : l'horloge ne bat pas.
*/
/*@region 2.1*/
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
    do
        n = lesson_read(request);
    while (n > 0);
    if (n == -EAGAIN) {
        lesson_log("Data not ready");
        return NOT_READY;
    }
    close(request->stream);
    future->error = request->error;
    return READY;
}
/*@end 2.1*/
