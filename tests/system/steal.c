// Watches /proc for `seconds` and says what it can take from a process that is joining this container: its program
// file, files, memory, or a ptrace. A process of the container's own ends as quickly, so only what has our name counts.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <time.h>
#include <unistd.h>

static int taken, seen;

static char name[128];

static int is_ours(int pid) {  // still our interpreter: its name is not yet the container's program's
  char path[64], *text = name;
  memset(name, 0, sizeof name);
  snprintf(path, sizeof path, "/proc/%d/comm", pid);
  int file = open(path, O_RDONLY);
  if (file < 0) return 0;
  if (read(file, text, sizeof name - 1) < 0) text[0] = 0;
  close(file);
  return strncmp(text, "steal", 5) && strncmp(text, "sleep", 5) && strncmp(text, "true", 4) && strncmp(text, "sh", 2);
}

static void try_all(int pid) {
  const char *names[] = {"exe", "cwd", "root", "mem", "environ", "maps", "fd/0", "fd/1", "fd/3", "fd/4", "fd/5", "fd/6"};
  char path[64];
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "/proc/%d/%s", pid, names[i]);
    int file = open(path, i < 3 || i > 5 ? O_PATH : O_RDONLY);
    char byte;
    if (file >= 0 && is_ours(pid) && (i < 3 || i > 5 || read(file, &byte, 1) == 1)) taken++, printf("took %s of %s", names[i], name);
    if (file >= 0) close(file);
  }
  if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) {
    if (is_ours(pid)) taken++, printf("took a ptrace of %s", name);
    ptrace(PTRACE_DETACH, pid, 0, 0);
  }
}

int main(int count, char **arguments) {
  time_t end = time(0) + (count > 1 ? atoi(arguments[1]) : 3);
  while (time(0) < end) {
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(folder));) {
      int pid = atoi(entry->d_name);
      if (pid > 1 && pid != getpid() && is_ours(pid)) seen++, try_all(pid);
    }
    closedir(folder);
  }
  printf("seen %s, taken %d\n", seen ? "some" : "none", taken);
  return taken > 0;
}
