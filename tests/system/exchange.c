// Exchanges pairs of names as fast as it can, for good: `exchange A B [C D ...]`. What one instant is a folder is a link
// the next.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>

int main(int count, char **names) {
  for (;;)
    for (int first = 1; first + 1 < count; first += 2)
      renameat2(AT_FDCWD, names[first], AT_FDCWD, names[first + 1], RENAME_EXCHANGE);
}
