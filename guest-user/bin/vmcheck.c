/* vmcheck [ROUNDS [PAUSE]]: let the kernel check its memory structures, once, or so many times with so many ticks between. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
  int rounds = argc > 1 ? atoi(argv[1]) : 1, pause = argc > 2 ? atoi(argv[2]) : 0;

  for (int i = 0; i < rounds; i++) {
    if (i > 0 && pause > 0)
      sleep(pause);
    if (vmcheck() < 0) {
      printf("vmcheck: broken in round %d (the console says what)\n", i + 1);
      return 1;
    }
  }
  printf("vmcheck: all is as it should be\n");
  return 0;
}
