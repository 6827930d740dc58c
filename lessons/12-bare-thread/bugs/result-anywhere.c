/*@answer
cause: WRONG SYSTEM CALL
found: case optimised
en: The output may be in any register (=r). Without optimisation the compiler
en: happens to take rax.
fr: La sortie peut être dans n'importe quel registre (=r). Sans optimisation,
fr: il se trouve que le compilateur prend rax.
*/
/*@region 12.1*/
static long sys3(long number, long a, long b, long c)
{
    long result;

    __asm__ volatile("syscall"
                     : "=r"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}
/*@end 12.1*/
