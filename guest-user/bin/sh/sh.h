/* The shell's grammar as a tree, and the doors between its parts.
 *
 *   list      = andor { (";" | "&" | newline) andor }
 *   andor     = pipeline { ("&&" | "||") pipeline }
 *   pipeline  = command { "|" command }
 *   command   = ( "(" list ")" | { NAME=word } { word } ) with redirections anywhere
 *
 * All that repeats is a linked list, so a long line needs no deep stack; only parentheses
 * recurse, and their depth is limited. A tree lives in an arena that is freed whole. */
#ifndef SH_H
#define SH_H

#include <sys/types.h>

#define MAX_LINE (64 * 1024)   /* longest line, and longest command over several lines */
#define MAX_DEPTH 50           /* nested parentheses */

/* In a word, MARK announces an expansion: the next byte says which (? $ # 0-9; MARK itself is a
 * literal MARK; "{NAME}" a variable). Quoting has been removed already. */
#define MARK 1

struct arena { struct arena_block *blocks; };
void *arena_alloc(struct arena *a, size_t size);   /* zeroed; NULL when out of memory */
void arena_free(struct arena *a);

struct word { struct word *next; char *text; };

enum redirection_kind { READ, WRITE, APPEND, DUPLICATE };
struct redirection {
  struct redirection *next;
  enum redirection_kind kind;
  int fd;              /* the descriptor that changes */
  char *target;        /* a word: file name, or the number for DUPLICATE */
};

struct command {
  struct command *next;            /* the next stage of the pipeline */
  struct word *assignments;        /* NAME=VALUE in front of the words */
  struct word *words;
  int word_count;
  struct redirection *redirections;
  struct list *subshell;           /* in place of words */
  int pid;                         /* while it runs */
};

enum connector { ALWAYS, AND, OR };
struct pipeline {
  struct pipeline *next;
  enum connector when;             /* how it depends on the one before */
  struct command *commands;
};

struct list {
  struct list *next;
  struct pipeline *pipelines;
  int background;
};

enum parse_result { PARSED, INCOMPLETE, MALFORMED };
/** Parses text. PARSED: *result is the list (NULL for an empty line). Otherwise `message` says in
 *  a few words what is wrong; INCOMPLETE means that more lines could complete it. */
enum parse_result parse(const char *text, struct arena *arena, struct list **result, char message[80]);

/** Runs a list and returns the exit status (0..255) of its last foreground command. */
int run_list(struct list *list);

/** How many characters at s are a variable's name; 0 when none is. */
size_t name_length(const char *s);
/** The word with its expansions made, in malloc'd memory; NULL when there is none. */
char *expand(const char *word);
/** Does NAME=VALUE (a word, expanded here): a variable of the shell, or, with `exported`, of the programs it starts too;
 *  what is exported stays so. 0, or -1 after a message. */
int assign(const char *word, int exported);
/** The built-ins export [NAME[=VALUE]]... and unset NAME... */
int builtin_export(char **argv);
int builtin_unset(char **argv);

/* What $? $0 $1 … mean now, and a descriptor that children must not inherit (or -1). */
struct shell { int status; int argc; char **argv; int script_fd; };
extern struct shell shell;

#endif
