/* Asks for a socket of family AF_ALG in the two ways there are on x86, and prints the two errors: by socket(2), and by
 * the socketcall(2) of 32-bit programs, whose arguments no seccomp filter can see. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define SOCKETCALL 102 /* of i386 */
#define SYS_SOCKET 1

int main(void)
{
    int direct = socket(AF_ALG, SOCK_SEQPACKET, 0) < 0 ? errno : 0;
    unsigned int *arguments = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    long result;

    if (arguments == MAP_FAILED)
        return 1;
    arguments[0] = AF_ALG;
    arguments[1] = SOCK_SEQPACKET;
    arguments[2] = 0;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(SOCKETCALL), "b"(SYS_SOCKET), "c"(arguments) : "memory");
    printf("%s, %s\n", strerror(direct), strerror(result < 0 ? (int)-result : 0));
    return 0;
}
