/* xv6 programs include this for nothing that a user program needs. */
