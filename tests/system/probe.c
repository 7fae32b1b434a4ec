/* Prints what every system call number answers to arguments that are all -1: an errno, success, or a signal. Each call is made
   in a child of its own, which is killed after a second. `probe 32` asks the i386 table through int 0x80, `probe x32` the x32 one; `probe wait` only waits. Run in two containers, the difference
   is the difference of their seccomp filters. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LAST = 480, SUCCESS = 200 };

static int ask_native(long number, long first) { return syscall(number, first, -1L, -1L, -1L, -1L, -1L) < 0 ? errno : SUCCESS; }

#ifdef __x86_64__
static int ask_i386(long number, long first) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(-1L), "d"(-1L), "S"(-1L), "D"(-1L) : "r8", "r9", "r10", "r11", "memory");
  result = (int)result;
  return result < 0 && result > -4096 ? (int)-result : SUCCESS;
}
#else
#define ask_i386 ask_native
#endif

/* The x32 numbers are the native ones with this bit; the filter must know them apart. */
enum { X32 = 0x40000000 };

static int ask_x32(long number, long first) { return ask_native(number | X32, first); }

/* A call may block every signal (sigsuspend) or sleep for good: the parent kills after a second, which no mask can stop. */
static void wait_or_kill(pid_t child, int *status) {
  sigset_t ended;
  sigemptyset(&ended);
  sigaddset(&ended, SIGCHLD);
  struct timespec patience = {.tv_sec = 1};
  while (waitpid(child, status, WNOHANG) == 0)
    if (sigtimedwait(&ended, NULL, &patience) < 0 && errno == EAGAIN) kill(child, SIGKILL);
  kill(-child, SIGKILL);
}

static void print_answer(const char *name, long number, int (*ask)(long, long), long first) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    _exit(ask(number, first));
  }
  int status;
  wait_or_kill(child, &status);
  if (WIFSIGNALED(status)) printf("%s %ld: signal %d\n", name, number, WTERMSIG(status));
  else if (WEXITSTATUS(status) == SUCCESS) printf("%s %ld: success\n", name, number);
  else printf("%s %ld: %s\n", name, number, strerrorname_np(WEXITSTATUS(status)) ? strerrorname_np(WEXITSTATUS(status)) : "exit");
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "wait") == 0) pause();
  sigset_t ended;
  sigemptyset(&ended);
  sigaddset(&ended, SIGCHLD);
  sigprocmask(SIG_BLOCK, &ended, NULL);
  int is_32 = argc > 1 && strcmp(argv[1], "32") == 0, is_x32 = argc > 1 && strcmp(argv[1], "x32") == 0;
  const char *name = is_32 ? "i386" : is_x32 ? "x32" : "native";
  for (long number = 0; number <= (is_x32 ? LAST + 80 : LAST); number++)
    print_answer(name, number, is_32 ? ask_i386 : is_x32 ? ask_x32 : ask_native, -1L);
  if (is_32 || is_x32) return 0;
  /* Calls that the filter judges by an argument. */
  const long flags[] = {CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, 0};
  for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) print_answer("unshare", SYS_unshare, ask_native, flags[i]), printf("  with %lx\n", flags[i]);
  for (long family = 0; family < 46; family++) {
    int made = socket(family, SOCK_STREAM, 0) >= 0 ? SUCCESS : errno;
    printf("socket %ld: %s\n", family, made == SUCCESS ? "success" : strerrorname_np(made));
  }
  const long personas[] = {PER_LINUX, PER_LINUX32, 0x20000, 0x20008, 0xffffffff, ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC};
  for (unsigned i = 0; i < sizeof personas / sizeof *personas; i++) print_answer("personality", SYS_personality, ask_native, personas[i]), printf("  with %lx\n", personas[i]);
  return 0;
}
