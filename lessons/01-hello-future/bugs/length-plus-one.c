/*@answer
cause: TOO MUCH WRITTEN
found: cases
en: Counts the byte 0 at the end of the string: it is written, too.
fr: Compte l'octet 0 à la fin de la chaîne : il est écrit, lui aussi.
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
        .length = strlen(text) + 1,
    };
}
/*@end 1.1*/
