/*@answer
cause: LIBC ON A BARE THREAD
found: plain
en: The C library has syscall(), which makes any system call. It also puts the
en: error into errno, which is main's.
fr: La bibliothèque C a syscall(), qui fait n'importe quel appel système. Elle
fr: met aussi l'erreur dans errno, qui est celui de main.
*/
/*@region 12.1*/
static long sys3(long number, long a, long b, long c)
{
    return syscall(number, a, b, c);
}
/*@end 12.1*/
