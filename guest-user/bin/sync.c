/* sync: waits until everything written is on the disk. */
#include <options.h>
#include <unistd.h>

int main(void) { return sync() < 0 ? complain_about("sync", "sync") : 0; }
