/* Asks for SIGKILL when the parent dies (prctl(2), as `tini -p` and `bwrap --die-with-parent` do), then waits for input. */
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void) {
  char byte;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL)) return 2;
  write(1, "asked\n", 6);
  return read(0, &byte, 1) == 1 ? 7 : 3;
}
