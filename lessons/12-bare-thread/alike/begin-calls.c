/*@answer
en: RET leads to assembly that calls the function, with an aligned stack, as
en: the library does it; a function that returns would end the thread.
fr: RET mène à de l'assembleur qui appelle la fonction, pile alignée, comme le
fr: fait la bibliothèque ; une fonction qui revient terminerait le thread.
*/
/*@region 12.2*/
__asm__(".text\n"
        ".globl thread_clone\n"
        "thread_clone:\n"
        "    push %rdi\n"
        "    mov $56, %eax\n"
        "    syscall\n"
        "    pop %rdi\n"
        "    ret\n"
        ".globl thread_begin\n"
        "thread_begin:\n"
        "    xor %ebp, %ebp\n"
        "    call *(%rsp)\n"
        "    mov $60, %eax\n"
        "    xor %edi, %edi\n"
        "    syscall\n");
/*@end 12.2*/
/*@region 12.3*/
void thread_begin(void);

struct first_words {
    void *args;
    void (*begin)(void);
    void (*enter)(void *);
    void *unused;
};

static void *stack_prepare(char *stack, size_t size, void (*enter)(void *),
                           const void *args, size_t length)
{
    const uintptr_t end = (uintptr_t)(stack + size);
    char *copy = (char *)((end - length) & ~(uintptr_t)15);
    struct first_words *words = (struct first_words *)(void *)copy - 1;

    memcpy(copy, args, length);
    *words = (struct first_words){copy, thread_begin, enter, NULL};
    return words;
}
/*@end 12.3*/
