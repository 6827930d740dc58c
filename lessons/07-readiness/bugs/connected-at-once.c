/*@answer
cause: NOT CONNECTED YET
found: case late
en: EINPROGRESS is taken for a success: on this machine the connection is
en: there before the next line runs.
fr: EINPROGRESS est pris pour un succès : sur cette machine, la connexion est
fr: là avant la ligne suivante.
*/

/*@region 7.1*/
static int connect_poll(struct stream *self, struct rv_cx *cx)
{
    int error;

    if (!self->source) {
        error = stream_start_connect(self);
        if (error && error != -EINPROGRESS)
            return error;
        error = stream_register(self);
        if (error)
            return error;
    }
    (void)cx;
    return 0;
}
/*@end 7.1*/
