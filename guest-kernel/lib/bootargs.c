/*
 * The kernel's command line: words, name=value. Double quotes keep spaces
 * together; within them \" and \\ stand for the character itself.
 */
#include "types.h"
#include "defs.h"

#define MAXLINE 1024
#define MAXARGS 32

static char line[MAXLINE];
static struct {
  const char *name, *value;
} args[MAXARGS];
static int nargs;

/* Take one word starting at p: record its name and value, end them with NULs, return where to go on. */
static char *
take_word(char *p)
{
  char *name = p, *value = 0, *out;
  int quoted = 0;

  for (out = p; *p && (quoted || *p != ' '); p++) {
    if (quoted && *p == '\\' && (p[1] == '"' || p[1] == '\\')) {
      *out++ = *++p;
    } else if (*p == '"') {
      quoted = !quoted;
    } else if (*p == '=' && !value && !quoted) {
      *out++ = 0;
      value = out;
    } else {
      *out++ = *p;
    }
  }
  if (*p)
    p++;
  *out = 0;
  args[nargs].name = name;
  args[nargs].value = value ? value : out;
  nargs++;
  return p;
}

/* Remember the command line (length bytes, perhaps with a NUL before the end) and cut it into words. */
void
bootargs_set(const char *text, size_t length)
{
  char *p = line;

  safestrcpy(line, text, length + 1 < MAXLINE ? length + 1 : MAXLINE);
  nargs = 0;
  while (*p && nargs < MAXARGS) {
    if (*p == ' ')
      p++;
    else
      p = take_word(p);
  }
}

/* Value of a boot argument: "" for a bare word, null when absent; the last one wins. */
const char *
bootarg(const char *name)
{
  for (int i = nargs - 1; i >= 0; i--)
    if (strcmp(args[i].name, name) == 0)
      return args[i].value;
  return 0;
}
