/* Command-line options of the utilities: one letter each, grouped or not, before the operands. */
#ifndef PW_OPTIONS_H
#define PW_OPTIONS_H

/** Reads options out of argv. `letters` lists those allowed; a letter followed by ':' takes a value.
 *  flags[letter] is set to 1 for a plain one; values[letter] to the text of one with a value (both
 *  indexed by character, 128 long; values may be NULL when no letter has ':'). "--" ends options, and
 *  "-" alone is an operand. Returns the index of the first operand; on a mistake prints one line and
 *  "usage: USAGE" and exits with 2. */
int parse_options(int argc, char **argv, const char *letters, char *flags, char **values, const char *usage);

/** Prints "NAME: SUBJECT: why errno" on descriptor 2 and returns 1, a status to exit with. */
int complain_about(const char *name, const char *subject);

#endif
