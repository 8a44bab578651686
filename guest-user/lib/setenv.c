/* Changing the environment. The list that exec left lies on the stack and has no room, so the first change copies it to
 * the heap. Strings that are replaced stay where they are: getenv may have told somebody of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char **own;        /* the list in the heap, NULL at first */
static size_t capacity;   /* pointers that fit, the last NULL included */

static size_t count(void) {
  size_t n = 0;
  while (environ && environ[n])
    n++;
  return n;
}

/** The place of a name of n characters in environ, or the place of its end. */
static size_t find(const char *name, size_t n) {
  size_t i = 0;
  for (; environ && environ[i]; i++)
    if (strncmp(environ[i], name, n) == 0 && environ[i][n] == '=')
      break;
  return i;
}

/** 0, and errno EINVAL, for what cannot be a name. */
static int is_name(const char *name) {
  if (name && *name && strchr(name, '=') == NULL)
    return 1;
  errno = EINVAL;
  return 0;
}

/** Makes environ a list of ours with room for one more. 0 or -1. */
static int make_room(void) {
  size_t n = count();
  if (environ == own && own && n + 2 <= capacity)
    return 0;
  size_t wanted = 2 * n + 8;
  char **list = malloc(wanted * sizeof *list);
  if (list == NULL)
    return -1;
  if (n > 0)
    memcpy(list, environ, n * sizeof *list);
  list[n] = NULL;
  if (environ == own)
    free(own);
  own = environ = list;
  capacity = wanted;
  return 0;
}

int setenv(const char *name, const char *value, int overwrite) {
  if (!is_name(name))
    return -1;
  size_t length = strlen(name), size = length + strlen(value) + 2, i = find(name, length);
  int present = environ && environ[i];
  if (present && !overwrite)
    return 0;
  char *text = malloc(size);
  if (text == NULL || make_room() < 0) {
    free(text);
    return -1;
  }
  memcpy(text, name, length);
  text[length] = '=';
  strcpy(text + length + 1, value);
  if (!present)
    environ[i + 1] = NULL;
  environ[i] = text;
  return 0;
}

int unsetenv(const char *name) {
  if (!is_name(name))
    return -1;
  size_t n = strlen(name), i = find(name, n);
  if (environ == NULL || environ[i] == NULL)
    return 0;
  if (make_room() < 0)
    return -1;
  do {
    environ[i] = environ[i + 1];
  } while (environ[i++]);
  return 0;
}
