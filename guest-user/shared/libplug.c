/* libplug: a plug-in for tests/dyntest.c, loaded by dlopen. It calls back into what the program is made of. */
#include <libone.h>
#include <string.h>

int plug_state = 5;
int *plug_log;                      /* where the destructor leaves a note */
int plug_add(int n);
int plug_length(const char *s);
int plug_sees_one(void);

int plug_add(int n) { return plug_state += n; }
int plug_length(const char *s) { return (int)strlen(s); }
int plug_sees_one(void) { return one_variable; }

__attribute__((destructor)) static void farewell(void) {
  if (plug_log)
    *plug_log = 77;
}
