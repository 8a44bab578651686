/* look_*: what the kernel tells of itself: /proc, vmstat, vmprint, vmcheck, and the programs that show it. */
#include "vt.h"

static char text[16384];

/** The whole of a (made-up) file as a string. */
static const char *read_text(const char *path) {
  int fd = must_open(path, O_RDONLY), n, length = 0;
  while (length < (int)sizeof text - 1 && (n = read(fd, text + length, (int)sizeof text - 1 - length)) > 0)
    length += n;
  text[length] = 0;
  close(fd);
  if (length == 0)
    fail("%s is empty", path);
  return text;
}

static const char *own(const char *name) {
  static char path[40];
  snprintf(path, sizeof path, "/proc/%d/%s", getpid(), name);
  return path;
}

static void maps(void) {
  char line[40];
  must_sbrk(PAGE);
  char *p = map_anon(3 * PAGE, PROT_READ, MAP_PRIVATE);
  const char *all = read_text(own("maps"));
  snprintf(line, sizeof line, "%010lx-%010lx r--p", (uint64)p, (uint64)p + 3 * PAGE);
  if (strstr(all, line) == NULL)
    fail("/proc/PID/maps does not show %s", line);
  CHECK(strstr(all, " r-xp") != NULL); /* text */
  CHECK(strstr(all, "stack") != NULL && strstr(all, "heap") != NULL);
  int fd = pattern_file("f", 2 * PAGE, 1);
  char *q = map_file(fd, 2 * PAGE, RW, MAP_SHARED, 0);
  snprintf(line, sizeof line, "%010lx-%010lx rw-s", (uint64)q, (uint64)q + 2 * PAGE);
  if (strstr(read_text(own("maps")), line) == NULL)
    fail("/proc/PID/maps does not show %s", line);
}

/** The line of maps that holds `range`; NULL when there is none. */
static const char *maps_line(const char *range) {
  static char line[200];
  const char *at = strstr(read_text(own("maps")), range);
  size_t n = at ? strcspn(at, "\n") : 0;
  if (at == NULL || n >= sizeof line)
    return NULL;
  memcpy(line, at, n);
  line[n] = 0;
  return line;
}

static void expect_name(const char *range, const char *name) {
  const char *line = maps_line(range);
  size_t n = strlen(name);
  if (line == NULL || strlen(line) < n || strcmp(line + strlen(line) - n, name) != 0)
    fail("maps has \"%s\" where %s should stand", line ? line : "nothing", name);
}

/** The last column is the file's name, found by its inode: it follows renames. */
static void maps_names(void) {
  char range[30], path[80];
  expect_name(" r-xp", "/vmtests");
  expect_name("[stack", "[stack]");
  expect_name("[vdso", "[vdso]");
  CHECK(mkdir("d") == 0 && mkdir("d/e") == 0);
  int fd = pattern_file("d/e/mapped", 2 * PAGE, 1);
  char *p = map_file(fd, 2 * PAGE, RW, MAP_PRIVATE, 0);
  p[0] = 1; /* and through a private copy */
  close(fd);
  snprintf(range, sizeof range, "%010lx-%010lx", (uint64)p, (uint64)p + 2 * PAGE);
  expect_name(range, "/d/e/mapped");
  CHECK(rename("d/e/mapped", "d/other") == 0 && rename("d", "moved") == 0);
  expect_name(range, "/moved/other");
  CHECK(link("moved/other", "second") == 0 && unlink("moved/other") == 0);
  expect_name(range, "/second");
  CHECK(unlink("second") == 0);
  expect_name(range, " (deleted)");
  snprintf(path, sizeof path, "%s", own("smaps"));
  CHECK(strstr(read_text(path), "(deleted)") != NULL);
}

/** /proc is a part of the tree: paths lead into it and out of it, also relative ones. */
static void walks(void) {
  char path[40], *self = "self/status";
  CHECK(chdir("/proc") == 0 && strstr(read_text("meminfo"), "MemTotal") != NULL && strstr(read_text(self), "vmtests") != NULL);
  snprintf(path, sizeof path, "%d", getpid());
  CHECK(chdir(path) == 0 && strstr(read_text("status"), "vmtests") != NULL);
  CHECK(strstr(read_text("../vmstat"), "free_frames") != NULL && strstr(read_text("./../meminfo"), "MemFree") != NULL);
  CHECK(exists("../../vmtests") && exists("../../proc/meminfo") && exists("//proc/./self/../vmstat"));
  int pid = must_fork();
  if (pid == 0)
    exit(strstr(read_text("status"), "vmtests") != NULL && chdir("../..") == 0 && exists("vmtests") ? 0 : 1);
  expect_status(0);
  FAILS(open("nothing", O_RDONLY), ENOENT);
  FAILS(open("status/x", O_RDONLY), ENOTDIR);
  FAILS(chdir("status"), ENOTDIR);
  FAILS(chdir("/proc/99999"), ENOENT);
  FAILS(open("status", O_RDWR), EACCES);
  FAILS(open("new", O_CREATE | O_WRONLY), EROFS);
  FAILS(mkdir("new"), EROFS);
  FAILS(unlink("status"), EROFS);
  FAILS(link("/vmtests", "new"), EROFS);
  FAILS(rename("/vmtests", "/proc/new"), EROFS);
  FAILS(execve("maps", (char *[]){ "maps", NULL }, NULL), EACCES);
  CHECK(chdir("..") == 0 && chdir("..") == 0 && exists("vmtests") && exists("proc/meminfo"));
}

static void status(void) {
  const char *all = read_text(own("status"));
  CHECK(strstr(all, "vmtests") != NULL);
  static const char *const words[] = { "VmSize", "VmRSS", "RssShared", "VmSwap", "Faults" };
  for (int i = 0; i < 5; i++)
    if (strstr(all, words[i]) == NULL)
      fail("/proc/PID/status says nothing of %s", words[i]);
}

static void whole_system(void) {
  CHECK(strlen(read_text("/proc/meminfo")) > 50);
  CHECK(strlen(read_text("/proc/vmstat")) > 100);
}

static void of_others(void) {
  char path[40];
  struct gate end;
  gate_make(&end);
  int pid = must_fork();
  if (pid == 0) {
    gate_wait(&end);
    exit(0);
  }
  snprintf(path, sizeof path, "/proc/%d/maps", pid);
  read_text(path);
  gate_open(&end, 1);
  expect_status(0);
  CHECK(open(path, O_RDONLY) == -1); /* gone with the process */
  CHECK(open("/proc/99999/maps", O_RDONLY) == -1);
}

/** Reading /proc while processes come and go. */
static void while_processes_change(void) {
  int busy = must_fork();
  if (busy == 0)
    for (;;) {
      int pid = fork();
      if (pid == 0)
        exit(0);
      wait(NULL);
    }
  char path[40];
  for (int i = 0; i < 60; i++) {
    snprintf(path, sizeof path, "/proc/%d/%s", busy + i / 4, i % 2 ? "maps" : "status");
    int fd = open(path, O_RDONLY);
    if (fd >= 0) {
      while (read(fd, text, 100) > 0)
        ;
      close(fd);
    }
  }
  CHECK(kill(busy, SIGKILL) == 0);
  int status;
  while (wait(&status) > 0)
    ;
}

static void counters_agree(void) {
  struct vmstat v = counters();
  struct sysinfo s = system_now();
  CHECK(v.total_frames == s.total_frames && v.free_frames <= v.total_frames);
  CHECK(v.commit_limit > 0 && v.committed_frames > 0);
  CHECK(v.swap_free <= v.swap_slots);
  CHECK(v.objects > 0 && v.entries > 0);
  char *p = map_anon(50 * PAGE, RW, MAP_PRIVATE);
  struct vmstat before = counters();
  number_pages(p, 50, 1);
  struct vmstat after = counters();
  if (after.faults_zero - before.faults_zero < 50)
    fail("50 zero-fill faults were counted as %lu", after.faults_zero - before.faults_zero);
}

/** Faults are counted by what they needed. */
static void faults_by_kind(void) {
  char *p = map_anon(40 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 40, 1);
  struct gate wrote, end;
  gate_make(&wrote);
  gate_make(&end);
  struct vmstat before = counters();
  if (must_fork() == 0) {
    number_pages(p, 20, 2);
    gate_open(&wrote, 1);
    gate_wait(&end);
    exit(0);
  }
  gate_wait(&wrote);
  uint64 copies = counters().faults_cow_copy - before.faults_cow_copy;
  gate_open(&end, 1);
  expect_status(0);
  uint64 wanted = policy_is("vm.fork", "cow") ? 20 : 40; /* those written to, or all of them at fork */
  if (copies < wanted)
    fail("%lu pages were copied for the child, and %lu copies counted", wanted, copies);
  before = counters();
  number_pages(p, 40, 3);
  struct vmstat after = counters();
  uint64 taken = after.faults_cow_reuse - before.faults_cow_reuse + after.faults_map - before.faults_map;
  if (taken < 20)
    fail("40 pages nobody else sees any more were taken by %lu faults", taken);
  int fd = pattern_file("f", 10 * PAGE, 1);
  char *q = map_file(fd, 10 * PAGE, PROT_READ, MAP_SHARED, 0);
  before = counters();
  check_bytes(q, 10 * PAGE, 0, 1, "the file");
  CHECK(counters().faults_file > before.faults_file);
  before = counters();
  FAILS(write(fd, (char *)8, 10), EFAULT);
  CHECK(counters().faults_refused > before.faults_refused);
}

/** vmcheck finds nothing wrong while all kinds of mappings exist. */
static void check_is_clean(void) {
  int fd = pattern_file("f", 4 * PAGE, 1);
  char *p = map_anon(20 * PAGE, RW, MAP_PRIVATE), *q = map_anon(4 * PAGE, RW, MAP_SHARED);
  map_file(fd, 4 * PAGE, RW, MAP_SHARED, 0)[0] = 1;
  map_file(fd, 4 * PAGE, RW, MAP_PRIVATE, 0)[PAGE] = 2;
  number_pages(p, 10, 1);
  q[0] = 1;
  CHECK(mprotect(p + 3 * PAGE, PAGE, PROT_READ) == 0);
  if (vmcheck() < 0)
    fail("vmcheck: %s", strerror(errno));
  if (must_fork() == 0) {
    number_pages(p, 2, 2);
    exit(vmcheck() != 0);
  }
  CHECK(vmcheck() == 0);
  expect_status(0);
}

/** The checker may run while others fault, fork and exit. */
static void check_under_load(void) {
  int pids[3];
  for (int i = 0; i < 3; i++)
    if ((pids[i] = must_fork()) == 0)
      for (;;) {
        char *p = map_anon(16 * PAGE, RW, MAP_PRIVATE);
        number_pages(p, 16, i);
        if (must_fork() == 0) {
          number_pages(p, 8, i + 1);
          exit(0);
        }
        expect_status(0);
        check_pages(p, 16, i, "under load");
        unmap(p, 16 * PAGE);
      }
  int broken = 0;
  for (int i = 0; i < 20; i++)
    broken += vmcheck() != 0;
  for (int i = 0; i < 3; i++)
    kill(pids[i], SIGKILL);
  while (wait(NULL) > 0)
    ;
  CHECK(broken == 0);
}

static void runs(const char *path, char *argument, const char *wanted) {
  int status = output_of(path, argument, text, sizeof text);
  if (status != 0)
    fail("%s ended with %d", path, status);
  if (strstr(text, wanted) == NULL)
    fail("%s does not show %s", path, wanted);
}

static void programs(void) {
  char pid[12];
  snprintf(pid, sizeof pid, "%d", getpid());
  runs("/ps", NULL, "vmtests");
  runs("/free", NULL, "free");
  runs("/vmstat", NULL, "free");
  runs("/pmap", pid, "stack");
}

const struct test look_tests[] = {
  { "look_maps", maps, 0 },
  { "look_maps_names", maps_names, 0 },
  { "look_walks", walks, 0 },
  { "look_status", status, 0 },
  { "look_whole_system", whole_system, 0 },
  { "look_of_others", of_others, 0 },
  { "look_while_processes_change", while_processes_change, 0 },
  { "look_counters_agree", counters_agree, 0 },
  { "look_faults_by_kind", faults_by_kind, 0 },
  { "look_check_is_clean", check_is_clean, 0 },
  { "look_check_under_load", check_under_load, 0 },
  { "look_programs", programs, 0 },
  { NULL, NULL, 0 },
};
