/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TREE_TRUTH_H
#define TREE_TRUTH_H

#include <sys/types.h>

/*
 * tree SCENARIO...
 *
 * Makes processes of known shape. Each writes what it is to the file that ORACLE_LOG names, one JSON object a line in one
 * write: a fork by the new process, an exec by the new program, an end by whoever waits for it. Names, paths and arguments
 * are bytes, so they are written in hexadecimal. The scenarios are in the table of main.c.
 */

/* A pid is used again; its start, in the kernel's ticks since boot, tells two of them apart. */
struct self {
	pid_t pid;
	unsigned long long ticks;
};

/* This process, as the program began or the fork made it. */
extern struct self me;

void learn_self(void);
void tell_exec(int count, char **arguments);
/* Of the calling process, which is new; writes nothing but the log, so that a vfork child may call it. */
void tell_fork(struct self parent);
/* Waits for one child, any with pid 0, writes how it ended, and lets it go. Returns 0 when there is none. */
int reap(pid_t pid);
/* As reap, of a child that has ended already: returns 0 when none has. */
int reap_ready(void);

/* fork(2), and the child says so. */
pid_t make_child(void);
/*
 * Becomes another program that does `task`. Returns only when that failed. Uses the stack alone: for vfork children too.
 * `program` is a path, or a name in the folder ORACLE_PROGRAMS.
 */
void become(const char *program, char *const *arguments, const char *task);

_Noreturn void give_up(const char *what);

#endif
