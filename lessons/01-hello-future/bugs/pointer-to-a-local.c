/*@answer
cause: DANGLING POINTER
found: plain
todo: 1.1
en: The text is copied into a local array. It is gone when hello_new() returns.
fr: Le texte est copié dans un tableau local. Il disparaît au retour de
fr: hello_new().
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
    char copy[256];
    strcpy(copy, text);
    return (struct hello){
        .future.poll = hello_poll,
        .state = START,
        .out = out,
        .text = copy,
        .length = strlen(text),
    };
}
/*@end 1.1*/
