/*
 * futex(uint32 *word, int operation, uint32 value, const struct timespec *timeout)
 *
 * FUTEX_WAIT sleeps while *word == value: 0 when woken, EAGAIN when *word is
 * another value already, ETIMEDOUT after `timeout` (relative; null: for ever),
 * EINTR by a signal. FUTEX_WAKE wakes at most `value` waiters and tells how
 * many. Waiters in several processes meet when they share the word's page.
 */
#ifndef ABI_FUTEX_H
#define ABI_FUTEX_H

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_PRIVATE_FLAG 128 /* accepted; the kernel sees for itself whether a word is shared */

#endif
