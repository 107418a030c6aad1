// SPDX-License-Identifier: Apache-2.0

/* Scenarios of processes that end, and of threads that do what only processes seem to do. */

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "scenarios.h"
#include "truth.h"

static char *from_thread[] = {"from", "a", "thread", NULL};

void run_ends(long count)
{
	static const int codes[] = {0, 1, 2, 42, 126, 127, 128, 254, 255, 256};
	static const int signals[] = {SIGHUP, SIGINT, SIGKILL, SIGSEGV, SIGABRT, SIGPIPE, SIGTERM, SIGSYS, 34, 64};
	struct rlimit cores;
	char task[32], *arguments[] = {"tree", NULL};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		/* The same code by a program of its own, and by a process that never executed one. */
		if (make_child() == 0)
			_exit(codes[i]);
		snprintf(task, sizeof(task), "exit %d", codes[i]);
		if (make_child() == 0)
			become("tree", arguments, task);
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		snprintf(task, sizeof(task), "signal %d", signals[i]);
		if (make_child() == 0)
			become("tree", arguments, task);
	}
	if (make_child() == 0) {
		getrlimit(RLIMIT_CORE, &cores);
		cores.rlim_cur = cores.rlim_max;
		if (setrlimit(RLIMIT_CORE, &cores) || chdir(getenv("ORACLE_PROGRAMS")))
			give_up("a core");
		become("tree", arguments, "signal 6");
	}
}

static void *wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return NULL;
}

static void *execute(void *unused)
{
	become("tree", from_thread, "exit 51");
	give_up("a thread's program");
}

/* Until the leader has gone: then its thread is the only one left. */
static void *execute_alone(void *unused)
{
	usleep(20000);
	return execute(unused);
}

static void *fork_and_end(void *unused)
{
	pid_t child = make_child();

	if (child == 0)
		execute(unused);
	reap(child);
	_exit(52);
}

static void *end_all(void *unused)
{
	_exit(53);
}

/* This thread alone, and so last, with a code that nobody asks for: the process has its leader's. */
static void *end_last(void *unused)
{
	usleep(20000);
	syscall(SYS_exit, 54);
	return NULL;
}

static void *die(void *unused)
{
	raise(SIGKILL);
	return NULL;
}

static void add_thread(void *(*run)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, NULL))
		give_up("a thread");
}

void run_threads(long count)
{
	static const struct {
		void *(*run)(void *);
		int leader_leaves;
	} ways[] = {
		{execute, 0}, {execute_alone, 1}, {fork_and_end, 0}, {fork_and_end, 1},
		{end_all, 0}, {end_all, 1},	  {end_last, 1},     {die, 0},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (make_child())
			continue;
		if (!ways[i].leader_leaves) {
			add_thread(wait_for_ever);
			add_thread(wait_for_ever);
		}
		add_thread(ways[i].run);
		if (ways[i].leader_leaves)
			syscall(SYS_exit, 55);
		wait_for_ever(NULL);
	}
}

static pthread_barrier_t both;

static void *execute_at_once(void *unused)
{
	pthread_barrier_wait(&both);
	/* The one that comes second is ended by the first. */
	become("tree", from_thread, "exit 56");
	return NULL;
}

void run_race(long count)
{
	for (long i = 0; i < count; i++) {
		if (make_child())
			continue;
		pthread_barrier_init(&both, NULL, 2);
		add_thread(execute_at_once);
		add_thread(execute_at_once);
		wait_for_ever(NULL);
	}
}
