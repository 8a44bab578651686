/* usertests: xv6's system calls and everything built on them. The tables of its tests, one a file. */
#include "ut.h"

static const struct test *const tables[] = {
  process_tests, kill_tests, interface_tests, exec_tests, bad_program_tests, memory_tests, shortage_tests, cow_tests,
  malloc_tests, fault_tests, pointer_tests, string_pointer_tests, file_tests, large_file_tests, pipe_tests, name_tests,
  rename_tests, crowd_tests, disk_tests, fp_tests, fp_signal_tests, NULL,
};

const struct suite suite = { "usertests", tables };
