/* Reading a directory: it is a file of struct dirent; empty slots have inum 0. */
#ifndef PW_DIRLIST_H
#define PW_DIRLIST_H

#include <sys/types.h>

/* A name has at most 14 characters; here it always ends with 0. */
struct entry { uint ino; char name[15]; };

/** All used entries of the directory, also . and .., in directory order, in one malloc'd block
 *  that the caller frees. Returns the number, or -1 with errno (ENOTDIR when it is none). */
int list_directory(const char *path, struct entry **entries);

/** "DIRECTORY/NAME" in a malloc'd string, or NULL. */
char *join_path(const char *directory, const char *name);
/** Where the last component of path begins. Trailing slashes belong to it. */
const char *base_name(const char *path);

#endif
