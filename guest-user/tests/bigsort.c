/*
 * bigsort MIB [PROCESSES [ROUNDS]]: fill so much heap with numbers, quicksort
 * them and check order and sum; in several processes at a time, half of which
 * inherit the numbers by fork and sort a copy. For more memory than there is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef unsigned long word;

static word seed = 88172645463325252UL;

/* A number that looks like chance. */
static word
chance(void)
{
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

/* Sort a[0..n). */
static void
quicksort(word *a, long n)
{
  while (n > 12) {
    word pivot = a[n / 2];
    long i = 0, j = n - 1;
    for (;;) {
      while (a[i] < pivot)
        i++;
      while (a[j] > pivot)
        j--;
      if (i >= j)
        break;
      word t = a[i];
      a[i++] = a[j];
      a[j--] = t;
    }
    j++;
    if (i == j - 1)
      i = j;
    if (j < n - j) {
      quicksort(a, j);
      a += j;
      n -= j;
    } else {
      quicksort(a + j, n - j);
      n = j;
    }
  }
  for (long i = 1; i < n; i++) {
    word t = a[i];
    long j = i;
    for (; j > 0 && a[j - 1] > t; j--)
      a[j] = a[j - 1];
    a[j] = t;
  }
}

/* Fill, sort and check. 0 when all was right. */
static int
fill(word *a, long n, word *sum)
{
  *sum = 0;
  for (long i = 0; i < n; i++)
    *sum += a[i] = chance();
  return 0;
}

/* Is a sorted, and the sum of its numbers as before? */
static int
check(word *a, long n, word sum)
{
  for (long i = 0; i < n; i++) {
    sum -= a[i];
    if (i > 0 && a[i - 1] > a[i]) {
      printf("bigsort: number %ld is greater than the one after it\n", i - 1);
      return 1;
    }
  }
  if (sum != 0) {
    printf("bigsort: the numbers have changed\n");
    return 1;
  }
  return 0;
}

int
main(int argc, char **argv)
{
  long bytes = (argc > 1 ? atoi(argv[1]) : 8) * 1048576L, n = bytes / sizeof(word);
  int processes = argc > 2 ? atoi(argv[2]) : 1, rounds = argc > 3 ? atoi(argv[3]) : 1, bad = 0;

  for (int r = 0; r < rounds; r++) {
    word *a, sum;
    for (int p = 1; p < processes; p++) {
      int pid = fork();
      if (pid < 0) {
        printf("bigsort: fork failed\n");
        return 1;
      }
      if (pid > 0)
        continue;
      seed += p * 1000003;
      a = (word *)sbrk(bytes);
      if (a == (word *)-1) {
        printf("bigsort: no memory for process %d\n", p);
        exit(1);
      }
      fill(a, n, &sum);
      if (p % 2 == 0) { /* a child of the child sorts a copy */
        int status, child = fork();
        if (child < 0)
          exit(1);
        quicksort(a, n);
        if (check(a, n, sum))
          exit(1);
        if (child == 0)
          exit(0);
        wait(&status);
        exit(status != 0);
      }
      quicksort(a, n);
      exit(check(a, n, sum));
    }
    a = (word *)sbrk(bytes);
    if (a == (word *)-1) {
      printf("bigsort: no memory\n");
      return 1;
    }
    fill(a, n, &sum);
    quicksort(a, n);
    bad |= check(a, n, sum);
    for (int p = 1; p < processes; p++) {
      int status = 0;
      wait(&status);
      bad |= status;
    }
    sbrk(-bytes);
  }
  printf(bad ? "bigsort: WRONG\n" : "bigsort: sorted\n");
  return bad != 0;
}
