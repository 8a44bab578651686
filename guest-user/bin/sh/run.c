/* The tree to processes: pipelines, redirections, built-ins, exec. */
#include "sh.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct shell shell = { .script_fd = -1 };

/** fork in which the child lets go of the script that the shell reads. */
static int fork_child(void) {
  int pid = fork();
  if (pid < 0)
    fprintf(2, "sh: cannot start a process: %s\n", strerror(errno));
  if (pid == 0 && shell.script_fd >= 0) {
    close(shell.script_fd);
    shell.script_fd = -1;
  }
  return pid;
}

static void free_argv(char **argv) {
  for (char **a = argv; a && *a; a++)
    free(*a);
  free(argv);
}

/** argv of a command, to be freed by free_argv; NULL when out of memory. */
static char **make_argv(struct command *c) {
  char **argv = calloc(c->word_count + 1, sizeof *argv);
  int n = 0;
  if (argv == NULL)
    return NULL;
  for (struct word *w = c->words; w; w = w->next) {
    argv[n] = expand(w->text);
    if (argv[n++] == NULL) {
      free_argv(argv);
      return NULL;
    }
  }
  return argv;
}

/** Opens what a redirection names and returns a descriptor to be moved to r->fd, or -1 after a message. */
static int open_target(const struct redirection *r, const char *target) {
  int fd = -1;
  if (r->kind == DUPLICATE) {
    char *end;
    long from = strtol(target, &end, 10);
    errno = EBADF;
    if (isdigit((uchar)*target) && *end == 0 && from < 1000)
      fd = dup((int)from);
  } else if (r->kind == READ) {
    fd = open(target, O_RDONLY);
  } else if (r->kind == WRITE) {
    fd = open(target, O_WRONLY | O_CREATE | O_TRUNC);
  } else {
    fd = open(target, O_WRONLY | O_CREATE | O_APPEND);
  }
  if (fd < 0)
    fprintf(2, "sh: %s: %s\n", target, strerror(errno));
  return fd;
}

/** Makes one redirection happen in this process. 0, or -1 after a message. */
static int redirect(const struct redirection *r) {
  char *target = expand(r->target);
  if (target == NULL) {
    fprintf(2, "sh: out of memory\n");
    return -1;
  }
  int fd = open_target(r, target);
  free(target);
  if (fd < 0)
    return -1;
  if (fd == r->fd)
    return 0;
  int result = dup2(fd, r->fd);
  if (result < 0)
    fprintf(2, "sh: descriptor %d: %s\n", r->fd, strerror(errno));
  close(fd);
  return result < 0 ? -1 : 0;
}

static int redirect_all(const struct redirection *r) {
  for (; r; r = r->next)
    if (redirect(r) < 0)
      return -1;
  return 0;
}

/** 1 when the file begins with "#!": a script, for the shell whatever name follows. (There are no permission
 *  bits that would tell a script from a letter.) */
static int is_script(const char *path) {
  char head[2];
  int fd = open(path, O_RDONLY);
  if (fd < 0)
    return 0;
  int n = read(fd, head, sizeof head);
  close(fd);
  return n == 2 && head[0] == '#' && head[1] == '!';
}

static int is_directory(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && st.type == T_DIR;
}

/** exec, or the shell on it when it is a script. Returns errno, only on failure. */
static int try_exec(char *path, char **argv) {
  exec(path, argv);
  int error = errno;
  if (error == ENOEXEC && is_script(path)) {
    int n = 0;
    while (argv[n])
      n++;
    char **with_shell = calloc(n + 3, sizeof *with_shell);
    if (with_shell == NULL)
      return ENOMEM;
    with_shell[0] = "sh";
    with_shell[1] = path;
    for (int i = 1; i < n; i++)
      with_shell[i + 1] = argv[i];
    exec("/sh", with_shell);
    error = errno;
  }
  return error;
}

/** Becomes the program argv[0]: a path when it has a slash, else found in / and then here. Does not return. */
static void run_program(char **argv) {
  char *name = argv[0];
  char *path = name;
  int error = ENOENT;
  if (strchr(name, '/') == NULL && *name) {
    path = malloc(strlen(name) + 2);
    if (path) {
      path[0] = '/';
      strcpy(path + 1, name);
      error = try_exec(path, argv);
    }
    if (path == NULL || error == ENOENT || is_directory(path))
      path = name;
  }
  if (path == name && *name)
    error = try_exec(name, argv);
  if (error == ENOENT) {
    fprintf(2, "sh: %s: not found\n", name);
    exit(127);
  }
  fprintf(2, "sh: %s: %s\n", name, is_directory(path) ? strerror(EISDIR) : strerror(error));
  exit(126);
}

/** Waits until `count` of the commands in the list have ended; background children that end meanwhile
 *  are reaped too. Returns the status of the last command. */
static int wait_for(struct command *commands, int count) {
  int status, last = 0;
  while (count > 0) {
    int pid = wait(&status);
    if (pid < 0)
      return 127;
    for (struct command *c = commands; c; c = c->next) {
      if (c->pid != pid)
        continue;
      c->pid = 0;
      count--;
      if (c->next == NULL)
        last = status & 0xff;
    }
  }
  return last;
}

static int builtin_cd(char **argv) {
  char *to = argv[1] ? argv[1] : "/";
  if (argv[1] && argv[2]) {
    fprintf(2, "sh: cd: too many arguments\n");
    return 1;
  }
  if (chdir(to) < 0) {
    fprintf(2, "sh: cd: %s: %s\n", to, strerror(errno));
    return 1;
  }
  return 0;
}

static int builtin_exit(char **argv) {
  char *end = "";
  long status = argv[1] ? strtol(argv[1], &end, 10) : shell.status;
  if (*end || (argv[1] && end == argv[1])) {
    fprintf(2, "sh: exit: %s: not a number\n", argv[1]);
    status = 2;
  }
  exit((int)(status & 0xff));
}

static int builtin_wait(char **argv) {
  (void)argv;
  while (wait(NULL) >= 0)
    ;
  return 0;
}

static const struct { const char *name; int (*run)(char **argv); } builtins[] = {
  { "cd", builtin_cd }, { "exit", builtin_exit }, { "export", builtin_export },
  { "unset", builtin_unset }, { "wait", builtin_wait },
};

/** The built-in of that name, or -1. */
static int find_builtin(const char *name) {
  for (int i = 0; i < (int)(sizeof builtins / sizeof builtins[0]); i++)
    if (strcmp(builtins[i].name, name) == 0)
      return i;
  return -1;
}

/** Saves the descriptors that the redirections change, so that a built-in can run in the shell itself. */
static int run_builtin(int which, struct command *c, char **argv) {
  int saved[3] = { -1, -1, -1 }, status = 1;
  for (struct redirection *r = c->redirections; r; r = r->next)
    if (r->fd < 3 && saved[r->fd] < 0)
      saved[r->fd] = dup(r->fd);
  if (redirect_all(c->redirections) == 0)
    status = builtins[which].run(argv);
  for (int fd = 0; fd < 3; fd++)
    if (saved[fd] >= 0) {
      dup2(saved[fd], fd);
      close(saved[fd]);
    }
  for (struct redirection *r = c->redirections; r; r = r->next)
    if (r->fd >= 3 && r->fd != shell.script_fd)
      close(r->fd);
  return status;
}

/** Makes the assignments in front of a command. 0, or -1 after a message. */
static int assign_all(const struct command *c, int exported) {
  for (struct word *w = c->assignments; w; w = w->next)
    if (assign(w->text, exported) < 0)
      return -1;
  return 0;
}

/** What a child does: the command itself. Does not return. */
static void child(struct command *c) {
  if (redirect_all(c->redirections) < 0)
    exit(1);
  if (c->subshell)
    exit(run_list(c->subshell));
  if (assign_all(c, 1) < 0)
    exit(1);
  if (c->words == NULL)
    exit(0);
  char **argv = make_argv(c);
  if (argv == NULL) {
    fprintf(2, "sh: out of memory\n");
    exit(2);
  }
  int which = find_builtin(argv[0]);
  if (which >= 0)
    exit(builtins[which].run(argv));
  run_program(argv);
}

/** If the command is a built-in or only assigns, runs it in this process: its status, else -1. */
static int try_builtin(struct command *c) {
  if (c->words == NULL && c->assignments && c->redirections == NULL)
    return assign_all(c, 0) < 0;
  if (c->words == NULL)
    return -1;
  char **argv = make_argv(c);
  if (argv == NULL)
    return -1;
  int which = find_builtin(argv[0]);
  int status = which >= 0 ? run_builtin(which, c, argv) : -1;
  free_argv(argv);
  return status;
}

/** Starts one stage: `in` is the read end for it or -1; *out becomes the read end for the next. 0 or -1. */
static int start_stage(struct command *c, int in, int *out) {
  int ends[2] = { -1, -1 };
  if (c->next && pipe(ends) < 0) {
    fprintf(2, "sh: cannot make a pipe: %s\n", strerror(errno));
    return -1;
  }
  c->pid = fork_child();
  if (c->pid == 0) {
    if (in >= 0) {
      dup2(in, 0);
      close(in);
    }
    if (c->next) {
      close(ends[0]);
      dup2(ends[1], 1);
      close(ends[1]);
    }
    child(c);
  }
  if (c->next)
    close(ends[1]);
  *out = ends[0];
  return c->pid < 0 ? -1 : 0;
}

static int run_pipeline(struct command *commands) {
  if (commands->next == NULL) {
    int status = try_builtin(commands);
    if (status >= 0)
      return status;
  }
  int in = -1, count = 0;
  for (struct command *c = commands; c; c = c->next) {
    int out = -1;
    int result = start_stage(c, in, &out);
    if (in >= 0)
      close(in);
    in = out;
    if (result < 0)
      break;
    count++;
  }
  if (in >= 0)
    close(in);
  for (struct command *c = commands; c; c = c->next)
    if (c->pid < 0)
      c->pid = 0;
  int started_all = 1, n = 0;
  for (struct command *c = commands; c; c = c->next, n++)
    started_all = n < count;
  int status = wait_for(commands, count);
  return started_all ? status : 1;
}

/** The pipelines of one && || chain. */
static int run_andor(struct pipeline *p) {
  for (; p; p = p->next)
    if (p->when == ALWAYS || (p->when == AND) == (shell.status == 0))
      shell.status = run_pipeline(p->commands);
  return shell.status;
}

int run_list(struct list *list) {
  for (; list; list = list->next) {
    if (!list->background) {
      run_andor(list->pipelines);
      continue;
    }
    int pid = fork_child();
    if (pid == 0)
      exit(run_andor(list->pipelines));
    shell.status = pid < 0;
  }
  return shell.status;
}
