/* vmtests: every use the kernel makes of virtual memory. The tables of its tests, those of the basic
 * mechanisms first; a group can be run by name, as in `vmtests heap_*`. */
#include "vt.h"

extern const struct test pointer_tests_vm[], program_tests[], heap_tests[], fork_tests[], map_anon_tests[], map_file_tests[],
    protect_tests[], remap_tests[], cache_tests[], commit_tests[], signal_fault_tests[], signal_tests[], shared_tests[], look_tests[],
    library_tests[], superpage_tests[], inject_tests[], stress_tests[], hart_tests[],
    paging_tests[];

static const struct test *const tables[] = {
  heap_tests, fork_tests, program_tests, map_anon_tests, map_file_tests, protect_tests, remap_tests, cache_tests, commit_tests,
  pointer_tests_vm, signal_fault_tests, signal_tests, shared_tests, look_tests, library_tests, superpage_tests, inject_tests,
  hart_tests, stress_tests, paging_tests, NULL,
};

/** Free swap slots; 0 while the kernel cannot tell. */
static uint64 swap_free(void) {
  struct vmstat now;
  return vmstat(&now) < 0 ? 0 : now.swap_free;
}

const struct suite suite = { "vmtests", tables, swap_free };
