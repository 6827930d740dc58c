/*@answer
cause: NOT LAZY
found: case lazy
en: hello_new() writes the first piece at once, as an ordinary function would.
en: A future must do nothing before its first poll: whoever holds it decides
en: when it starts, or that it never does.
fr: hello_new() écrit tout de suite le premier morceau, comme le ferait une
fr: fonction ordinaire. Une future ne fait rien avant son premier sondage :
fr: celui qui la tient décide quand elle commence, et si elle commence.
*/
/*@region 1.1*/
struct hello {
    struct future future;
    enum { START, WRITING, DONE } state;
    int out;
    const char *text;
    size_t length;
    size_t written;
};

static struct hello hello_new(int out, const char *text)
{
    struct hello hello = {
        .future.poll = hello_poll,
        .out = out,
        .text = text,
        .length = strlen(text),
    };
    const ssize_t n =
        write(out, text, hello.length < PIECE ? hello.length : PIECE);

    if (n > 0)
        hello.written = (size_t)n;
    return hello;
}
/*@end 1.1*/
