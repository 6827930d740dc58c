/*@answer
cause: NO POLL FUNCTION
found: case lazy
todo: 1.1
en: Who polls it calls NULL.
fr: Qui la sonde appelle NULL.
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
        .state = START,
        .out = out,
        .text = text,
        .length = strlen(text),
    };
}
/*@end 1.1*/
