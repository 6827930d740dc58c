/*@answer
en: Variables that are bound to registers, as one has to on ARM; all six are
en: loaded.
fr: Des variables liées à des registres, comme il le faut sur ARM ; les six
fr: sont chargées.
*/
/*@region 12.1*/
static long sys3(long number, long a, long b, long c)
{
    register long rax __asm__("rax") = number;
    register long rdi __asm__("rdi") = a;
    register long rsi __asm__("rsi") = b;
    register long rdx __asm__("rdx") = c;
    register long r10 __asm__("r10") = 0;
    register long r8 __asm__("r8") = 0;

    __asm__ volatile("syscall"
                     : "+r"(rax)
                     : "r"(rdi), "r"(rsi), "r"(rdx), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return rax;
}
/*@end 12.1*/
