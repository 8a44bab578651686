/* Text to tree: tokens with quoting, then the grammar of sh.h by recursive descent. */
#include "sh.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum token { END, NEWLINE, WORD, SEMICOLON, AMPERSAND, AND_IF, OR_IF, BAR, OPEN, CLOSE, LESS, GREATER, APPENDING };

struct parser {
  const char *p;             /* behind the current token */
  const char *start;         /* the current token begins here */
  enum token token;
  char *word;                /* text of a WORD, in the arena */
  int io_number;             /* the digits before < or >, or -1 */
  int duplicate;             /* the < or > is followed by & */
  int assignment;            /* the WORD begins with NAME=, none of it quoted */
  int depth;
  struct arena *arena;
  enum parse_result result;
  char *message;
};

/** Notes the first error; from then on every token is END. */
static void fail(struct parser *ps, enum parse_result result, const char *message) {
  if (ps->result == PARSED) {
    ps->result = result;
    strlcpy(ps->message, message, 80);
  }
  ps->token = END;
}

static void *allocate(struct parser *ps, size_t size) {
  void *p = arena_alloc(ps->arena, size);
  if (p == NULL)
    fail(ps, MALFORMED, "out of memory");
  return p;
}

/** "syntax error near `TOKEN'", or "unexpected end of input" which more input may cure. */
static void unexpected(struct parser *ps) {
  char message[80];
  if (ps->result != PARSED)
    return;
  if (ps->token == END) {
    fail(ps, INCOMPLETE, "unexpected end of input");
    return;
  }
  int n = (int)(ps->p - ps->start);
  if (ps->token == NEWLINE)
    snprintf(message, sizeof message, "syntax error near the end of a line");
  else
    snprintf(message, sizeof message, "syntax error near `%.*s'", n < 40 ? n : 40, ps->start);
  fail(ps, MALFORMED, message);
}

static int ends_word(char c) { return c == 0 || isspace((uchar)c) || strchr(";&|()<>", c) != NULL; }

/** How many characters from the $ at p on are an expansion; 0 when the $ stands for itself. */
static size_t expansion_length(const char *p) {
  char c = p[1];
  if (c == '?' || c == '$' || c == '#' || isdigit((uchar)c))
    return 2;
  size_t n = c == '{' ? name_length(p + 2) : 0;
  if (n > 0)
    return p[n + 2] == '}' ? n + 3 : 0;
  n = name_length(p + 1);
  return n > 0 ? n + 1 : 0;
}

/** Copies one character that stands for itself. */
static char *literal(char *out, char c) {
  if (c == MARK)
    *out++ = MARK;
  *out++ = c;
  return out;
}

/** Copies the expansion of n characters at p as the shell keeps it: at most twice as long. */
static char *marked(char *out, const char *p, size_t n) {
  *out++ = MARK;
  if (n == 2 && name_length(p + 1) == 0) {
    *out++ = p[1];
    return out;
  }
  int braces = p[1] == '{';
  *out++ = '{';
  for (size_t i = 1 + braces; i < n - braces; i++)
    *out++ = p[i];
  *out++ = '}';
  return out;
}

/** What stands between the quotes that begin at p; returns where it ends, NULL when it never does. */
static const char *quoted(const char *p, char **out) {
  char quote = *p++;
  for (; *p != quote; p++) {
    if (*p == 0)
      return NULL;
    if (quote == '"' && *p == '\\' && p[1] && strchr("\"\\$\n", p[1])) {
      if (*++p != '\n')
        *out = literal(*out, *p);
    } else if (quote == '"' && *p == '$' && expansion_length(p) > 0) {
      *out = marked(*out, p, expansion_length(p));
      p += expansion_length(p) - 1;
    } else {
      *out = literal(*out, *p);
    }
  }
  return p + 1;
}

/** How many bytes of text the word at p covers at most (only to size a buffer). */
static size_t word_extent(const char *p) {
  const char *from = p;
  char quote = 0;
  for (; *p && (quote || !ends_word(*p)); p++) {
    if (*p == '\\' && quote != '\'' && p[1])
      p++;
    else if (quote ? *p == quote : (*p == '"' || *p == '\''))
      quote = quote ? 0 : *p;
  }
  return p - from;
}

static void read_word(struct parser *ps) {
  const char *p = ps->p;
  char *out = ps->word = allocate(ps, 2 * word_extent(p) + 1);
  if (out == NULL)
    return;
  ps->assignment = name_length(p) > 0 && p[name_length(p)] == '=';
  while (!ends_word(*p)) {
    if (*p == '\'' || *p == '"') {
      p = quoted(p, &out);
      if (p == NULL) {
        fail(ps, INCOMPLETE, "unclosed quote");
        return;
      }
    } else if (*p == '\\') {
      if (p[1] == 0) {
        fail(ps, INCOMPLETE, "nothing follows the backslash");
        return;
      }
      if (p[1] != '\n')
        out = literal(out, p[1]);
      p += 2;
    } else if (*p == '$' && expansion_length(p) > 0) {
      out = marked(out, p, expansion_length(p));
      p += expansion_length(p);
    } else {
      out = literal(out, *p++);
    }
  }
  *out = 0;
  ps->token = WORD;
  ps->p = p;
}

/** Digits that stand right before < or > name the descriptor. */
static int read_io_number(struct parser *ps) {
  const char *p = ps->p;
  int n = 0;
  while (isdigit((uchar)*p) && n < 1000)
    n = n * 10 + (*p++ - '0');
  if (p == ps->p || (*p != '<' && *p != '>'))
    return -1;
  ps->p = p;
  return n;
}

/** Takes `text` if it stands here. */
static int take(struct parser *ps, const char *text) {
  size_t n = strlen(text);
  if (strncmp(ps->p, text, n) != 0)
    return 0;
  ps->p += n;
  return 1;
}

/** Moves to the next token. */
static void next(struct parser *ps) {
  if (ps->result != PARSED)
    return;
  for (;;) {
    if (*ps->p != '\n' && isspace((uchar)*ps->p))
      ps->p++;
    else if (ps->p[0] == '\\' && ps->p[1] == '\n')
      ps->p += 2;
    else
      break;
  }
  if (*ps->p == '#')
    ps->p += strcspn(ps->p, "\n");
  ps->start = ps->p;
  ps->duplicate = 0;
  ps->io_number = read_io_number(ps);
  if (*ps->p == 0) ps->token = END;
  else if (take(ps, "\n")) ps->token = NEWLINE;
  else if (take(ps, ";")) ps->token = SEMICOLON;
  else if (take(ps, "&&")) ps->token = AND_IF;
  else if (take(ps, "&")) ps->token = AMPERSAND;
  else if (take(ps, "||")) ps->token = OR_IF;
  else if (take(ps, "|")) ps->token = BAR;
  else if (take(ps, "(")) ps->token = OPEN;
  else if (take(ps, ")")) ps->token = CLOSE;
  else if (take(ps, ">>")) ps->token = APPENDING;
  else if (take(ps, ">")) ps->token = GREATER;
  else if (take(ps, "<")) ps->token = LESS;
  else { read_word(ps); return; }
  if (ps->token == LESS || ps->token == GREATER)
    ps->duplicate = take(ps, "&");
}

/** A redirection; the current token is its operator. */
static void parse_redirection(struct parser *ps, struct redirection ***tail) {
  struct redirection *r = allocate(ps, sizeof *r);
  if (r == NULL)
    return;
  r->kind = ps->duplicate ? DUPLICATE : ps->token == LESS ? READ : ps->token == GREATER ? WRITE : APPEND;
  r->fd = ps->io_number >= 0 ? ps->io_number : ps->token == LESS ? 0 : 1;
  next(ps);
  if (ps->token != WORD) {
    unexpected(ps);
    return;
  }
  r->target = ps->word;
  **tail = r;
  *tail = &r->next;
  next(ps);
}

static struct list *parse_list(struct parser *ps);

static void skip_newlines(struct parser *ps) {
  while (ps->token == NEWLINE)
    next(ps);
}

static void parse_subshell(struct parser *ps, struct command *c) {
  if (++ps->depth > MAX_DEPTH) {
    fail(ps, MALFORMED, "parentheses are nested too deep");
    return;
  }
  next(ps);
  c->subshell = parse_list(ps);
  if (ps->token != CLOSE || c->subshell == NULL)
    unexpected(ps);
  ps->depth--;
  next(ps);
}

/** The current WORD joins a list. */
static void add_word(struct parser *ps, struct word ***tail) {
  struct word *w = allocate(ps, sizeof *w);
  if (w == NULL)
    return;
  w->text = ps->word;
  **tail = w;
  *tail = &w->next;
  next(ps);
}

static struct command *parse_command(struct parser *ps) {
  struct command *c = allocate(ps, sizeof *c);
  if (c == NULL)
    return NULL;
  struct word **words = &c->words, **assignments = &c->assignments;
  struct redirection **redirections = &c->redirections;
  if (ps->token == OPEN)
    parse_subshell(ps, c);
  for (;;) {
    if (ps->token == WORD && c->subshell == NULL && c->words == NULL && ps->assignment) {
      add_word(ps, &assignments);
    } else if (ps->token == WORD && c->subshell == NULL) {
      add_word(ps, &words);
      c->word_count++;
    } else if (ps->token == LESS || ps->token == GREATER || ps->token == APPENDING) {
      parse_redirection(ps, &redirections);
    } else {
      break;
    }
  }
  if (c->words == NULL && c->assignments == NULL && c->subshell == NULL && c->redirections == NULL)
    unexpected(ps);
  else if (ps->token == WORD || ps->token == OPEN)
    unexpected(ps);
  return c;
}

static struct pipeline *parse_pipeline(struct parser *ps, enum connector when) {
  struct pipeline *pl = allocate(ps, sizeof *pl);
  if (pl == NULL)
    return NULL;
  struct command **tail = &pl->commands;
  pl->when = when;
  for (;;) {
    *tail = parse_command(ps);
    if (*tail == NULL || ps->token != BAR)
      return pl;
    tail = &(*tail)->next;
    next(ps);
    skip_newlines(ps);
  }
}

static struct list *parse_andor(struct parser *ps) {
  struct list *l = allocate(ps, sizeof *l);
  if (l == NULL)
    return NULL;
  struct pipeline **tail = &l->pipelines;
  enum connector when = ALWAYS;
  for (;;) {
    *tail = parse_pipeline(ps, when);
    if (*tail == NULL || (ps->token != AND_IF && ps->token != OR_IF))
      return l;
    when = ps->token == AND_IF ? AND : OR;
    tail = &(*tail)->next;
    next(ps);
    skip_newlines(ps);
  }
}

/** Up to END or CLOSE, which the caller judges. NULL when there is nothing. */
static struct list *parse_list(struct parser *ps) {
  struct list *first = NULL, **tail = &first;
  for (;;) {
    skip_newlines(ps);
    if (ps->token == END || ps->token == CLOSE)
      return first;
    *tail = parse_andor(ps);
    if (*tail == NULL)
      return first;
    (*tail)->background = ps->token == AMPERSAND;
    tail = &(*tail)->next;
    if (ps->token == SEMICOLON || ps->token == AMPERSAND || ps->token == NEWLINE)
      next(ps);
    else
      return first;
  }
}

enum parse_result parse(const char *text, struct arena *arena, struct list **result, char message[80]) {
  struct parser ps = { .p = text, .arena = arena, .result = PARSED, .message = message };
  next(&ps);
  *result = parse_list(&ps);
  if (ps.token != END)
    unexpected(&ps);
  return ps.result;
}
