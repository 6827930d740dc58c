/*@answer
cause: NO THREAD
found: plain
en: The instruction `syscall` is missing. rax still holds the number of
en: clone(), which looks like the id of a thread.
fr: L'instruction `syscall` manque. rax contient toujours le numéro de clone(),
fr: qui ressemble à un numéro de thread.
*/
/*@region 12.2*/
__asm__(".text\n"
        ".globl thread_clone\n"
        "thread_clone:\n"
        "    push %rdi\n"
        "    mov $56, %eax\n"
        "    pop %rdi\n"
        "    ret\n");
/*@end 12.2*/
