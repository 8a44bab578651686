/* Variables, and what $… in a word stands for. Exported variables are the environment; the others are a list here. A value
 * is one piece of text: it is not cut into words. */
#include "sh.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct variable { struct variable *next; char *name, *value; };
static struct variable *variables;   /* those that are not exported */

size_t name_length(const char *s) {
  size_t n = 0;
  if (!isalpha((uchar)*s) && *s != '_')
    return 0;
  while (isalnum((uchar)s[n]) || s[n] == '_')
    n++;
  return n;
}

static struct variable *find(const char *name) {
  struct variable *v = variables;
  while (v && strcmp(v->name, name) != 0)
    v = v->next;
  return v;
}

/** Forgets a variable that is not exported, if there is one of that name. */
static void forget(const char *name) {
  for (struct variable **p = &variables; *p; p = &(*p)->next) {
    struct variable *v = *p;
    if (strcmp(v->name, name) != 0)
      continue;
    *p = v->next;
    free(v->name);
    free(v->value);
    free(v);
    return;
  }
}

/** Notes a variable that is not exported. 0, or -1 without memory. */
static int remember(const char *name, const char *value) {
  struct variable *v = find(name);
  char *text = strdup(value);
  if (v && text) {
    free(v->value);
    v->value = text;
    return 0;
  }
  v = text ? calloc(1, sizeof *v) : NULL;
  if (v == NULL || (v->name = strdup(name)) == NULL) {
    free(text);
    free(v);
    return -1;
  }
  v->value = text;
  v->next = variables;
  variables = v;
  return 0;
}

/** Sets a variable. 0, or -1 after a message. */
static int set(const char *name, const char *value, int exported) {
  int result = exported || getenv(name) ? setenv(name, value, 1) : remember(name, value);
  if (result < 0)
    fprintf(2, "sh: out of memory\n");
  else if (exported)
    forget(name);
  return result;
}

int assign(const char *word, int exported) {
  char *text = expand(word);
  if (text == NULL) {
    fprintf(2, "sh: out of memory\n");
    return -1;
  }
  char *equals = strchr(text, '=');
  *equals = 0;
  int result = set(text, equals + 1, exported);
  free(text);
  return result;
}

static int bad_name(const char *command, const char *name) {
  fprintf(2, "sh: %s: %s: not a name\n", command, name);
  return 1;
}

int builtin_export(char **argv) {
  int status = 0;
  if (argv[1] == NULL)
    for (char **e = environ; e && *e; e++)
      printf("%s\n", *e);
  for (char **a = argv + 1; *a; a++) {
    size_t n = name_length(*a);
    char *value = (*a)[n] == '=' ? *a + n + 1 : NULL;
    if (n == 0 || (value == NULL && (*a)[n])) {
      status = bad_name("export", *a);
      continue;
    }
    (*a)[n] = 0;
    struct variable *v = find(*a);
    if (value == NULL && v)
      value = v->value;
    if (value && set(*a, value, 1) < 0)
      status = 1;
  }
  return status;
}

int builtin_unset(char **argv) {
  int status = 0;
  for (char **a = argv + 1; *a; a++) {
    size_t n = name_length(*a);
    if (n == 0 || (*a)[n]) {
      status = bad_name("unset", *a);
      continue;
    }
    forget(*a);
    unsetenv(*a);
  }
  return status;
}

/** The value of the variable whose name begins at `name` and has n characters; "" when there is none. */
static const char *value_of(const char *name, size_t n) {
  char *copy = strndup(name, n);
  if (copy == NULL)
    return "";
  struct variable *v = find(copy);
  const char *value = v ? v->value : getenv(copy);
  free(copy);
  return value ? value : "";
}

/** The text that the expansion at *p (behind its MARK) stands for; *p becomes what follows it. `number` is room for one. */
static const char *expansion(const char **p, char number[24]) {
  char which = *(*p)++;
  switch (which) {
  case MARK:
    return "\001";
  case '?':
    snprintf(number, 24, "%d", shell.status);
    return number;
  case '$':
    snprintf(number, 24, "%d", getpid());
    return number;
  case '#':
    snprintf(number, 24, "%d", shell.argc > 0 ? shell.argc - 1 : 0);
    return number;
  case '{': {
    size_t n = name_length(*p);
    const char *value = value_of(*p, n);
    *p += n + 1;
    return value;
  }
  }
  int n = which - '0';
  return n < shell.argc ? shell.argv[n] : "";
}

char *expand(const char *word) {
  char number[24];
  size_t size = 1;
  for (const char *p = word; *p;)
    size += *p++ == MARK ? strlen(expansion(&p, number)) : 1;
  char *text = malloc(size), *out = text;
  if (text == NULL)
    return NULL;
  for (const char *p = word; *p;) {
    if (*p != MARK) {
      *out++ = *p++;
      continue;
    }
    p++;
    const char *value = expansion(&p, number);
    strcpy(out, value);
    out += strlen(value);
  }
  *out = 0;
  return text;
}
