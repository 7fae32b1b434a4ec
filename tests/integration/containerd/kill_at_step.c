// Preloaded into a Python daemon: kills it just before the n-th of its calls that change a disk.
// The file named by STEPS_FILE holds n, a 32-bit number that is counted down; 0 or less lets it live.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static volatile int *left;

__attribute__((constructor)) static void begin(void)
{
    char program[4096] = "";
    const char *name = getenv("STEPS_FILE");
    if (name == NULL || readlink("/proc/self/exe", program, sizeof program - 1) < 0 || !strstr(program, "python"))
        return; // the launcher's shell
    int file = open(name, O_RDWR | O_CLOEXEC);
    void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    unsetenv("LD_PRELOAD"); // it is this process alone that is killed, none that it starts
    unsetenv("STEPS_FILE");
    if (mapped != MAP_FAILED)
        left = mapped;
}

static void step(void)
{
    if (left != NULL && *left > 0 && __atomic_sub_fetch(left, 1, __ATOMIC_SEQ_CST) == 0) {
        kill(getpid(), SIGKILL);
        for (;;)
            pause();
    }
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int rename(const char *a, const char *b) { step(); return NEXT(rename)(a, b); }
int renameat(int d, const char *a, int e, const char *b) { step(); return NEXT(renameat)(d, a, e, b); }
int mkdir(const char *a, mode_t m) { step(); return NEXT(mkdir)(a, m); }
int mkdirat(int d, const char *a, mode_t m) { step(); return NEXT(mkdirat)(d, a, m); }
int rmdir(const char *a) { step(); return NEXT(rmdir)(a); }
int unlink(const char *a) { step(); return NEXT(unlink)(a); }
int unlinkat(int d, const char *a, int f) { step(); return NEXT(unlinkat)(d, a, f); }
int fsync(int d) { step(); return NEXT(fsync)(d); }
int fdatasync(int d) { step(); return NEXT(fdatasync)(d); }
int ftruncate64(int d, off64_t n) { step(); return NEXT(ftruncate64)(d, n); }
int chmod(const char *a, mode_t m) { step(); return NEXT(chmod)(a, m); }
ssize_t pwrite64(int d, const void *b, size_t n, off64_t o) { step(); return NEXT(pwrite64)(d, b, n, o); }

ssize_t write(int d, const void *b, size_t n)
{
    struct stat found;
    if (left != NULL && fstat(d, &found) == 0 && S_ISREG(found.st_mode))
        step();
    return NEXT(write)(d, b, n);
}
