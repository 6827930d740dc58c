/*@answer
cause: WRONG SYSTEM CALL
found: case call
en: The result is an int. It does for read() and write(), and not for an
en: address or a position in a large file.
fr: Le résultat est un int. Cela suffit pour read() et write(), mais pas pour
fr: une adresse ou une position dans un grand fichier.
*/
/*@region 12.1*/
static long sys3(long number, long a, long b, long c)
{
    int result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}
/*@end 12.1*/
