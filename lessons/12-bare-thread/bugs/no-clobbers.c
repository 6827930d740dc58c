/*@answer
cause: REGISTER LOST
found: case optimised
en: The clobbers say nothing of rcx and r11, which the instruction overwrites.
fr: La liste ne dit rien de rcx ni de r11, que l'instruction écrase.
*/
/*@region 12.1*/
static long sys3(long number, long a, long b, long c)
{
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "memory");
    return result;
}
/*@end 12.1*/
