/*@answer
cause: WRONG SYSTEM CALL
found: case optimised
en: Without volatile, a system call whose result nobody uses may be left out.
fr: Sans volatile, un appel système dont personne n'utilise le résultat peut
fr: être omis.
*/
/*@region 12.1*/
static long sys3(long number, long a, long b, long c)
{
    long result;

    __asm__("syscall"
            : "=a"(result)
            : "a"(number), "D"(a), "S"(b), "d"(c)
            : "rcx", "r11", "memory");
    return result;
}
/*@end 12.1*/
