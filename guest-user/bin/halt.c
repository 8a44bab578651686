/* halt [STATUS]: writes everything out and switches the machine off. */
#include <options.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
  sync();
  poweroff(argc > 1 ? atoi(argv[1]) : 0);
  return complain_about("halt", "poweroff");
}
