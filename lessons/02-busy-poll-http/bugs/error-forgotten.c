/*@answer
cause: ERROR LOST
found: case refused
en: A refused connection ends the poll with READY and no error: who asked
en: takes an empty response for an answer.
fr: Une connexion refusée finit le sondage par READY sans erreur : celui qui a
fr: demandé prend une réponse vide pour une réponse.
*/
/*@region 2.1*/
static enum poll_state http_get_poll(struct future *future)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        if (lesson_send_request(request) < 0)
            return READY;
        fcntl(request->stream, F_SETFL, O_NONBLOCK);
    }
    do
        n = lesson_read(request);
    while (n > 0);
    if (n == -EAGAIN) {
        lesson_log("Data not ready");
        return NOT_READY;
    }
    close(request->stream);
    return READY;
}
/*@end 2.1*/
