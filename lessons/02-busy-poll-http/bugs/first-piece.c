/*@answer
cause: TRUNCATED
found: case pieces
en: The first bytes are taken for the whole response. Here the server sends it
en: in one piece, so all looks right; a longer one comes in many.
fr: Les premiers octets sont pris pour la réponse entière. Ici le serveur
fr: l'envoie d'un bloc, donc tout paraît juste ; une réponse plus longue vient
fr: en plusieurs morceaux.
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
        fcntl(request->stream, F_SETFL, O_NONBLOCK);
    }
    n = lesson_read(request);
    if (n == -EAGAIN) {
        lesson_log("Data not ready");
        return NOT_READY;
    }
    close(request->stream);
    future->error = request->error;
    return READY;
}
/*@end 2.1*/
