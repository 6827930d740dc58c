/*@answer
cause: TRUNCATED
kind: READY too early
found: case piece
todo: 1.2
en: sizeof of a pointer is 8, however long the text is.
fr: sizeof d'un pointeur vaut 8, quelle que soit la longueur du texte.
*/
/*@region 1.1*/
struct hello {
    struct future future; /* first member: a pointer to it can be cast */
    enum { START, WRITING, DONE } state;
    int out;
    const char *text;
    size_t length;
    size_t written; /* of length */
};

static struct hello hello_new(int out, const char *text)
{
    return (struct hello){
        .future.poll = hello_poll,
        .state = START,
        .out = out,
        .text = text,
        .length = sizeof(text),
    };
}
/*@end 1.1*/
