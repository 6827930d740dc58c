/*@answer
cause: TRUNCATED
kind: not the end
found: plain
en: Asks how many bytes are there, and takes none for the end.
fr: Demande combien d'octets sont là, et prend zéro pour la fin.
*/

/*@region 7.3*/
static ssize_t read_some_poll(struct stream *self, struct rv_cx *cx,
                              char *buffer, size_t size)
{
    int bytes = 0;

    (void)cx;
    ioctl(self->fd, FIONREAD, &bytes);
    if (bytes == 0)
        return 0;
    return recv(self->fd, buffer, size, 0);
}
/*@end 7.3*/
