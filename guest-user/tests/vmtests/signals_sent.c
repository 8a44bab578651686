/* signal_*: signals that processes send: masks, pending ones, interrupted calls, inheritance. */
#include "vt.h"

static volatile int count, sender, signals_seen[40];

static void counting(int signal, siginfo_t *info, void *context) {
  (void)context;
  count++;
  sender = info->si_pid;
  signals_seen[signal]++;
}

static void raised(void) {
  catch_signal(SIGUSR1, counting, 0);
  CHECK(raise(SIGUSR1) == 0 && count == 1 && sender == getpid());
  CHECK(kill(getpid(), SIGUSR1) == 0 && count == 2); /* before kill returns */
}

static void sent_by_child(void) {
  catch_signal(SIGUSR2, counting, SA_RESTART);
  int parent = getpid(), pid = must_fork();
  if (pid == 0)
    exit(kill(parent, SIGUSR2) != 0);
  expect_status(0);
  for (int i = 0; i < 20 && count == 0; i++)
    sleep(1);
  CHECK(count == 1 && sender == pid);
}

static void blocked_and_pending(void) {
  sigset_t set = SIGBIT(SIGUSR1) | SIGBIT(SIGUSR2), old = ~0UL, pending = 0;
  catch_signal(SIGUSR1, counting, 0);
  catch_signal(SIGUSR2, counting, 0);
  CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0 && old == 0);
  raise(SIGUSR1);
  raise(SIGUSR1);
  raise(SIGUSR2);
  CHECK(count == 0 && sigpending(&pending) == 0 && pending == set);
  set = SIGBIT(SIGUSR1);
  CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
  CHECK(count == 1 && signals_seen[SIGUSR1] == 1); /* sent twice, delivered once */
  set = 0;
  CHECK(sigprocmask(SIG_SETMASK, &set, &old) == 0 && old == SIGBIT(SIGUSR2));
  CHECK(count == 2 && signals_seen[SIGUSR2] == 1);
  CHECK(sigpending(&pending) == 0 && pending == 0);
  FAILS(sigprocmask(77, &set, NULL), EINVAL);
}

/** A handler's own signal and its sa_mask are blocked while it runs, and only then. */
static volatile int depth, deepest;

static void reentrant(int signal, siginfo_t *info, void *context) {
  counting(signal, info, context);
  if (++depth > deepest)
    deepest = depth;
  if (count < 4) {
    raise(SIGUSR1);
    raise(SIGUSR2);
  }
  depth--;
}

static void masked_in_handler(void) {
  struct sigaction action = { .sa_sigaction = reentrant, .sa_flags = SA_SIGINFO, .sa_mask = SIGBIT(SIGUSR2) };
  catch_signal(SIGUSR2, counting, 0);
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  raise(SIGUSR1);
  CHECK(deepest == 1 && depth == 0 && signals_seen[SIGUSR1] >= 2 && signals_seen[SIGUSR2] >= 1);
  sigset_t now = ~0UL;
  CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && now == 0);
  count = depth = deepest = 0;
  action.sa_flags |= SA_NODEFER;
  action.sa_mask = 0;
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  raise(SIGUSR1);
  CHECK(deepest > 1);
}

static void reset_after_first(void) {
  struct sigaction now;
  catch_signal(SIGUSR1, counting, SA_RESETHAND);
  raise(SIGUSR1);
  CHECK(count == 1 && sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
}

static void default_kills(long signal) {
  raise((int)signal);
  sleep(5);
}

static void defaults(void) {
  static const int deadly[] = { SIGHUP, SIGINT, SIGTERM, SIGKILL, SIGUSR1, SIGSEGV };
  for (uint i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
    expect_killed(default_kills, deadly[i], "a signal whose default is the end");
  CHECK(raise(SIGCHLD) == 0 && raise(SIGURG) == 0 && raise(SIGWINCH) == 0 && raise(SIGPIPE) == 0); /* these do nothing */
}

static void ignored(void) {
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  CHECK(sigaction(SIGTERM, &ignore, NULL) == 0);
  CHECK(raise(SIGTERM) == 0);
}

static void cannot_be_caught(void) {
  struct sigaction action = { .sa_sigaction = counting, .sa_flags = SA_SIGINFO };
  FAILS(sigaction(SIGKILL, &action, NULL), EINVAL);
  FAILS(sigaction(SIGSTOP, &action, NULL), EINVAL);
  FAILS(sigaction(0, &action, NULL), EINVAL);
  FAILS(sigaction(1000, &action, NULL), EINVAL);
  FAILS(sigaction(-1, &action, NULL), EINVAL);
  FAILS(kill(getpid(), 1000), EINVAL);
  FAILS(kill(999999, SIGTERM), ESRCH);
  CHECK(kill(getpid(), 0) == 0);
}

/** A signal ends a wait: the call gives EINTR after the handler, or begins again with SA_RESTART. */
static void send_later(int pid, int signal) {
  if (must_fork() == 0) {
    sleep(3);
    kill(pid, signal);
    exit(0);
  }
}

static void interrupted_call(void) {
  int fds[2];
  char c;
  CHECK(pipe(fds) == 0);
  catch_signal(SIGUSR1, counting, 0);
  send_later(getpid(), SIGUSR1);
  FAILS(read(fds[0], &c, 1), EINTR);
  CHECK(count == 1);
  expect_status(0);
}

static void restarted_call(void) {
  int fds[2];
  char c = 0;
  CHECK(pipe(fds) == 0);
  catch_signal(SIGUSR1, counting, SA_RESTART);
  int pid = getpid();
  if (must_fork() == 0) {
    sleep(2);
    kill(pid, SIGUSR1);
    sleep(2);
    write(fds[1], "z", 1);
    exit(0);
  }
  CHECK(read(fds[0], &c, 1) == 1 && c == 'z' && count == 1);
  expect_status(0);
}

static void suspended(void) {
  sigset_t set = SIGBIT(SIGUSR1), none = 0, now = 0;
  catch_signal(SIGUSR1, counting, 0);
  CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
  raise(SIGUSR1);
  CHECK(count == 0);
  FAILS(sigsuspend(&none), EINTR);
  CHECK(count == 1);
  CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && now == set); /* the old mask is back */
  send_later(getpid(), SIGUSR1);
  FAILS(sigsuspend(&none), EINTR);
  CHECK(count == 2);
  expect_status(0);
}

/** fork inherits handlers and mask, not what is pending; exec keeps the mask and ignored ones only. */
static void inherited_by_fork(void) {
  sigset_t set = SIGBIT(SIGUSR2), now = 0, pending = ~0UL;
  catch_signal(SIGUSR1, counting, 0);
  catch_signal(SIGUSR2, counting, 0);
  CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
  raise(SIGUSR2);
  if (must_fork() == 0) {
    CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && now == set);
    CHECK(sigpending(&pending) == 0 && pending == 0);
    raise(SIGUSR1);
    CHECK(count == 1);
    exit(0);
  }
  expect_status(0);
  CHECK(count == 0 && sigpending(&pending) == 0 && pending == set);
}

static void reset_by_exec(void) {
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  catch_signal(SIGUSR1, counting, 0);
  CHECK(sigaction(SIGUSR2, &ignore, NULL) == 0);
  CHECK(run_helper("raise", "12") == 0);  /* SIGUSR2: still ignored */
  CHECK(run_helper("raise", "10") == -1); /* SIGUSR1: the default again */
}

static void child_ends(void) {
  catch_signal(SIGCHLD, counting, SA_RESTART);
  int pid = must_fork();
  if (pid == 0)
    exit(0);
  expect_status(0);
  for (int i = 0; i < 20 && count == 0; i++)
    sleep(1);
  CHECK(count == 1 && sender == pid);
}

/** Signals arrive in a process that only computes, and one that ignores nothing dies of SIGKILL. */
static void busy_process(void) {
  int pid = must_fork();
  if (pid == 0) {
    catch_signal(SIGUSR1, counting, 0);
    while (count < 3)
      ;
    for (;;)
      ;
  }
  for (int i = 0; i < 6; i++) {
    sleep(1);
    if (i > 2)
      CHECK(kill(pid, SIGUSR1) == 0);
  }
  CHECK(kill(pid, SIGKILL) == 0);
  expect_status(-1);
}

/** A handler may spoil the mask and the pc that its frame holds; the mask never blocks SIGKILL. */
static void block_all(int signal, siginfo_t *info, void *context) {
  counting(signal, info, context);
  ((ucontext_t *)context)->uc_sigmask = ~0UL;
}

static void kill_cannot_be_blocked(void) {
  struct gate ready;
  gate_make(&ready);
  int pid = must_fork();
  if (pid == 0) {
    catch_signal(SIGUSR1, block_all, 0);
    raise(SIGUSR1);
    gate_open(&ready, 1);
    for (;;)
      sleep(1);
  }
  gate_wait(&ready);
  CHECK(kill(pid, SIGTERM) == 0);
  sleep(1);
  CHECK(kill(pid, 0) == 0);
  CHECK(kill(pid, SIGKILL) == 0);
  expect_status(-1);
}

/** A child that sleeps a little and ends. */
static int short_child(void) {
  int pid = must_fork();
  if (pid == 0) {
    sleep(1);
    exit(5);
  }
  return pid;
}

/** Who ignores SIGCHLD gets no zombies: wait stays until the last child has ended, and then there is none. */
static void children_not_wanted(void) {
  struct procinfo info;
  int first, status = 0;
  CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
  first = short_child();
  short_child();
  FAILS(wait(&status), ECHILD);
  CHECK(status == 0);
  sleep(1); /* init buries them */
  CHECK(!find_process(first, &info));
  catch_signal(SIGCHLD, counting, SA_NOCLDWAIT | SA_RESTART);
  count = 0;
  short_child();
  FAILS(wait(&status), ECHILD);
  CHECK(count == 1); /* told of, but not kept */
  catch_signal(SIGCHLD, counting, SA_RESTART);
  first = short_child();
  CHECK(wait(&status) == first && status == 5);
  CHECK(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
  first = short_child();
  CHECK(wait(&status) == first && status == 5);
}

const struct test signal_tests[] = {
  { "signal_raised", raised, 0 },
  { "signal_sent_by_child", sent_by_child, 0 },
  { "signal_blocked_and_pending", blocked_and_pending, 0 },
  { "signal_masked_in_handler", masked_in_handler, 0 },
  { "signal_reset_after_first", reset_after_first, 0 },
  { "signal_defaults", defaults, 0 },
  { "signal_ignored", ignored, 0 },
  { "signal_cannot_be_caught", cannot_be_caught, 0 },
  { "signal_interrupts_call", interrupted_call, 0 },
  { "signal_restarts_call", restarted_call, 0 },
  { "signal_suspended", suspended, 0 },
  { "signal_inherited_by_fork", inherited_by_fork, 0 },
  { "signal_reset_by_exec", reset_by_exec, 0 },
  { "signal_child_ends", child_ends, 0 },
  { "signal_children_not_wanted", children_not_wanted, 0 },
  { "signal_busy_process", busy_process, 0 },
  { "signal_kill_cannot_be_blocked", kill_cannot_be_blocked, 0 },
  { NULL, NULL, 0 },
};
