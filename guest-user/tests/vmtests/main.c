/* vmtests: every use the kernel makes of virtual memory. The tables of its tests, those of the basic
 * mechanisms first; a group can be run by name, as in `vmtests heap_*`. */
#include "vt.h"

extern const struct test pointer_tests_vm[], program_tests[], heap_tests[], fork_tests[], map_anon_tests[], map_file_tests[],
    protect_tests[], remap_tests[], cache_tests[], commit_tests[], signal_fault_tests[], signal_tests[],
    signal_frame_tests[], shared_tests[], look_tests[], library_tests[],
    superpage_tests[], inject_tests[], inject_map_tests[], inject_proc_tests[], replace_tests[], stress_tests[], hart_tests[],
    paging_tests[], paging_promise_tests[], paging_fp_tests[], shared_private_tests[], paging_file_tests[], paging_use_tests[], extreme_tests[];

static const struct test *const tables[] = {
  heap_tests, fork_tests, program_tests, map_anon_tests, map_file_tests, protect_tests, remap_tests, cache_tests, commit_tests,
  pointer_tests_vm, extreme_tests, signal_fault_tests, signal_tests, signal_frame_tests, shared_tests, shared_private_tests,
  look_tests, library_tests, superpage_tests, replace_tests, inject_tests, inject_map_tests, inject_proc_tests, hart_tests, stress_tests, paging_tests,
  paging_file_tests, paging_use_tests, paging_promise_tests, paging_fp_tests, NULL,
};

const struct suite suite = { "vmtests", tables };
