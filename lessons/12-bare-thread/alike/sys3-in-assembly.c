/*@answer
en: All in assembly: a function of its own moves the arguments.
fr: Tout en assembleur : une fonction à part déplace les arguments.
*/
/*@region 12.1*/
long sys3_asm(long number, long a, long b, long c);
__asm__(".text\n.globl sys3_asm\nsys3_asm:\n    mov %rdi, %rax\n    mov %rsi, "
        "%rdi\n    mov %rdx, %rsi\n    mov %rcx, %rdx\n    syscall\n    ret\n");
static long sys3(long number, long a, long b, long c)
{
    return sys3_asm(number, a, b, c);
}
/*@end 12.1*/
