/*@answer
cause: WRONG SYSTEM CALL
found: case call
en: The first argument goes into rsi and the second into rdi: "source,
en: destination". The system call wants rdi first.
fr: Le premier argument va dans rsi et le second dans rdi : « source,
fr: destination ». L'appel système veut d'abord rdi.
*/
/*@region 12.1*/
static long sys3(long number, long a, long b, long c)
{
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "S"(a), "D"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}
/*@end 12.1*/
