/* libbad: calls a function that nobody defines (tests/dyntest.c). */
int no_such_function(int n);
int bad_call(int n);
int bad_good(int n);

int bad_call(int n) { return no_such_function(n) + 1; }
int bad_good(int n) { return n + 1; }
