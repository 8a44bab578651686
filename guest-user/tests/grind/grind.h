/* grind: what its parts share. */
#ifndef GRIND_H
#define GRIND_H

#include <errno.h>
#include <fcntl.h>
#include <param.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define MAX_PROCESSES 8
#define ROOM "/grind.room"

/** What all processes see: a shared page. */
struct tally {
  ulong calls;      /* made by all, children included; changed atomically */
  ulong enough;     /* all stop at so many; 0: they go on for ever */
  ulong check_every; /* vmcheck whenever so many more have been made; 0: never */
  ulong checks;     /* vmchecks that found nothing */
  ulong stop;       /* set when one has found something: all end */
};
extern struct tally *tally;

/** The random numbers of this process. */
extern ulong random_state;
/** One of 0 to n - 1. */
uint pick(uint n);
/** 1 in a child, whose end is part of the game; 0 in a process that has to reach the end. */
extern int expendable;

/** Makes one random call and counts it. calls.c */
void make_call(void);
/** What the arguments of calls are made of: an address, mostly good; a descriptor that cannot block; a path. */
void *address(void);
int own_descriptor(void);
const char *path(void);
/** Some calls of a child's own, then its end. */
void some_child(void) __attribute__((noreturn));
/** Room below the break that address() may name. */
void calls_begin(void);

/** Sets so many pages of addresses aside for memory_call, and the handlers for what it does there. memory.c */
void memory_begin(long pages);
/** One random call that changes memory, or an access to it. */
void memory_call(void);
/** Somewhere in those pages, mapped or not. */
void *arena_address(void);

#endif
