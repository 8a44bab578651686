/* sh: the shell. `sh` reads commands from descriptor 0, `sh FILE ARGS` from a file, `sh -c TEXT ARGS`
 * from its argument. Built-ins: cd [DIR], exit [STATUS], export [NAME[=VALUE]]..., unset NAME..., wait.
 * NAME=VALUE sets a variable; before a command, only for that command. Expansions: $NAME ${NAME} $? $$ $# $0 … $9. A
 * command that is a file beginning with "#!" is run by `sh FILE`. */
#include "sh.h"

#include <errno.h>
#include <fcntl.h>
#include <linereader.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where command lines come from. */
struct source {
  int interactive;
  const char *text;       /* -c: what is left of it, else NULL */
  struct reader *file;    /* FILE, else NULL: descriptor 0 */
  char *line;             /* the line read last */
  size_t capacity;
};

enum { LINE_END = 0, LINE_TOO_LONG = -1, LINE_BINARY = -2, LINE_ERROR = -3 };

/** One line from descriptor 0, byte by byte: what follows it belongs to the commands.
 *  Its length, or a LINE_ code. */
static long read_input_line(struct source *s) {
  long length = 0, result = 0;
  char c;
  for (;;) {
    int n = read(0, &c, 1);
    if (n < 0)
      return LINE_ERROR;
    if (n == 0)
      break;
    if (c == 0)
      result = LINE_BINARY;
    else if (length >= MAX_LINE)
      result = LINE_TOO_LONG;
    else
      s->line[length++] = c;
    if (c == '\n')
      break;
  }
  s->line[length] = 0;
  return result < 0 ? result : length;
}

/** One line of the -c text. */
static long take_text_line(struct source *s) {
  size_t n = strcspn(s->text, "\n");
  if (s->text[n] == '\n')
    n++;
  if (n > MAX_LINE)
    return LINE_TOO_LONG;
  memcpy(s->line, s->text, n);
  s->line[n] = 0;
  s->text += n;
  return n;
}

/** One line of the script file. */
static long read_file_line(struct source *s) {
  ssize_t n = read_line(s->file, &s->line, &s->capacity);
  if (n < 0)
    return LINE_ERROR;
  if (n > 0 && strlen(s->line) < (size_t)n)
    return LINE_BINARY;
  return n > MAX_LINE ? LINE_TOO_LONG : n;
}

static long next_line(struct source *s) {
  if (s->text)
    return take_text_line(s);
  if (s->file)
    return read_file_line(s);
  if (s->interactive)
    write(2, "$ ", 2);
  return read_input_line(s);
}

static void complain(const char *message) {
  fprintf(2, "sh: %s\n", message);
  shell.status = 2;
}

/** Adds s->line to the pending command. 0, or -1 after a message. */
static int append(char **pending, size_t *length, struct source *s, size_t n) {
  if (*length + n > MAX_LINE) {
    complain("command too long");
    return -1;
  }
  memcpy(*pending + *length, s->line, n + 1);
  *length += n;
  return 0;
}

/** Parses the pending command and runs it. 1: it needs more lines. */
static int execute(const char *pending, int may_wait) {
  struct arena arena = { NULL };
  struct list *list;
  char message[80];
  enum parse_result result = parse(pending, &arena, &list, message);
  if (result == PARSED)
    run_list(list);
  else if (result == MALFORMED || !may_wait)
    complain(message);
  arena_free(&arena);
  return result == INCOMPLETE && may_wait;
}

/** Runs a source to its end. */
static void run_source(struct source *s) {
  char *pending = malloc(MAX_LINE + 2);
  size_t length = 0;
  if (pending == NULL || s->line == NULL) {
    complain("out of memory");
    return;
  }
  pending[0] = 0;
  for (;;) {
    long n = next_line(s);
    if (n == LINE_TOO_LONG)
      complain("line too long");
    else if (n == LINE_BINARY)
      complain("the input is not text");
    else if (n == LINE_ERROR)
      complain("cannot read the input");
    if (n == LINE_END || n == LINE_ERROR || (n < 0 && !s->interactive))
      break;
    if (n < 0 || append(&pending, &length, s, n) < 0) {
      length = 0;
      continue;
    }
    if (execute(pending, !s->interactive) == 0)
      length = 0;
  }
  if (length > 0)
    execute(pending, 0); /* an incomplete command at the end of the input: says so */
  free(pending);
}

/** Moves the script to a high descriptor, so that the commands see 0, 1, 2 and then theirs. */
static int open_script(const char *path) {
  struct stat st;
  int fd = open(path, O_RDONLY);
  if (fd >= 0 && fstat(fd, &st) == 0 && st.type == T_DIR) {
    close(fd);
    fd = -1;
    errno = EISDIR;
  }
  if (fd < 0) {
    fprintf(2, "sh: %s: %s\n", path, strerror(errno));
    return -1;
  }
  int high = dup2(fd, 10);
  if (high < 0)
    return fd;
  close(fd);
  return high;
}

int main(int argc, char **argv) {
  static struct reader reader;
  struct source s = { .line = malloc(MAX_LINE + 2), .capacity = MAX_LINE + 2 };
  shell.argc = 1;
  shell.argv = argv;
  if (argc >= 2 && strcmp(argv[1], "-c") == 0) {
    if (argc < 3) {
      fprintf(2, "sh: -c: nothing to run\n");
      return 2;
    }
    s.text = argv[2];
    shell.argc = argc > 3 ? argc - 3 : 1; /* sh -c TEXT NAME ARGS: NAME is $0 */
    shell.argv = argc > 3 ? argv + 3 : argv;
  } else if (argc >= 2 && argv[1][0] == '-') {
    fprintf(2, "sh: %s: no such option\nusage: sh [-c TEXT | FILE] [ARGUMENT...]\n", argv[1]);
    return 2;
  } else if (argc >= 2) {
    shell.script_fd = open_script(argv[1]);
    if (shell.script_fd < 0)
      return 127;
    reader_open(&reader, shell.script_fd);
    s.file = &reader;
    shell.argc = argc - 1;
    shell.argv = argv + 1;
  } else {
    s.interactive = isatty(0);
  }
  run_source(&s);
  return shell.status;
}
