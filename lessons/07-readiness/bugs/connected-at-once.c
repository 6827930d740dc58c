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
    if (!self->source) {
        const int error = stream_start_connect(self);

        if (error && error != -EINPROGRESS)
            return error;
        stream_register(self);
    }
    (void)cx;
    return 0;
}
/*@end 7.1*/
