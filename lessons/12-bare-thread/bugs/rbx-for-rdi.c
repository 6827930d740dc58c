/*@answer
cause: REGISTER LOST
found: case refused
en: Keeps rdi in rbx, as the child has its own stack and the parent's push
en: would be in the way. rbx is the caller's.
fr: Garde rdi dans rbx, puisque l'enfant a sa propre pile. Mais rbx appartient
fr: à l'appelant.
*/
/*@region 12.2*/
__asm__(".text\n"
        ".globl thread_clone\n"
        "thread_clone:\n"
        "    push %rdi\n"
        "    mov %rdi, %rbx\n"
        "    mov $56, %eax\n"
        "    syscall\n"
        "    pop %rdi\n"
        "    ret\n");
/*@end 12.2*/
