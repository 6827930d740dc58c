/*@answer
cause: WRONG SYSTEM CALL
found: case optimised
en: The clobbers do not say memory: the compiler keeps in registers what the
en: kernel has just written.
fr: La liste ne dit pas memory : le compilateur garde dans des registres ce que
fr: le noyau vient d'écrire.
*/
/*@region 12.1*/
static long sys3(long number, long a, long b, long c)
{
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11");
    return result;
}
/*@end 12.1*/
