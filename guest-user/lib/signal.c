/* Signals: what is made of the system calls. */
#include <signal.h>
#include <unistd.h>

sighandler_t signal(int number, sighandler_t handler) {
  struct sigaction action = { .sa_call.handler = handler, .sa_flags = SA_RESTART }, before;
  return sigaction(number, &action, &before) < 0 ? SIG_ERR : before.sa_handler;
}

int raise(int number) {
  return kill(getpid(), number);
}

const char *strsignal(int number) {
  static const char *const names[NSIG] = {
    [SIGHUP] = "Hangup", [SIGINT] = "Interrupt", [SIGQUIT] = "Quit", [SIGILL] = "Illegal instruction", [SIGTRAP] = "Trace trap",
    [SIGABRT] = "Aborted", [SIGBUS] = "Bus error", [SIGFPE] = "Arithmetic exception", [SIGKILL] = "Killed",
    [SIGUSR1] = "User signal 1", [SIGSEGV] = "Segmentation fault", [SIGUSR2] = "User signal 2", [SIGPIPE] = "Broken pipe",
    [SIGALRM] = "Alarm", [SIGTERM] = "Terminated", [SIGCHLD] = "Child ended", [SIGCONT] = "Continued", [SIGSTOP] = "Stopped",
  };
  return number > 0 && number < NSIG && names[number] ? names[number] : "Unknown signal";
}
