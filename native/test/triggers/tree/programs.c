// SPDX-License-Identifier: Apache-2.0

/* Scenarios of processes that execute programs. */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "scenarios.h"
#include "truth.h"

#define STORM_PER_SECOND 1000
#define STORM_AT_ONCE_MAX 64

static char *one_word[] = {"tree", NULL};

/* A child that becomes `program` with `arguments` and does `task`. */
static void start(const char *program, char **arguments, const char *task)
{
	if (make_child())
		return;
	become(program, arguments, task);
	give_up(program);
}

static void start_short(long number)
{
	char text[32], task[32], *arguments[] = {"tree", "short", text, NULL};
	struct self parent = me;
	pid_t child;

	snprintf(text, sizeof(text), "%ld", number);
	snprintf(task, sizeof(task), "exit %ld", number % 251);
	child = vfork();
	if (child == 0) {
		tell_fork(parent);
		become("tree", arguments, task);
		_exit(98);
	}
	if (child < 0)
		give_up("vfork");
}

/* Waits for the time of this number, when there is time left. */
static void pace(struct timespec *next)
{
	next->tv_nsec += 1000000000 / STORM_PER_SECOND;
	if (next->tv_nsec >= 1000000000) {
		next->tv_nsec -= 1000000000;
		next->tv_sec++;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
}

void run_storm(long count)
{
	struct timespec next;
	long running = 0;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (long i = 0; i < count; i++) {
		start_short(i);
		running++;
		while (running && (running >= STORM_AT_ONCE_MAX ? reap(0) : reap_ready()))
			running--;
		pace(&next);
	}
}

void run_until(long count)
{
	char until[4096];

	snprintf(until, sizeof(until), "%s/until", getenv("ORACLE_PROGRAMS"));
	while (access(until, F_OK))
		run_storm(50);
}

/* Words that are numbered, so that no part of them is like another. */
static char *long_text(size_t bytes)
{
	char *text = malloc(bytes + 16), *end = text;

	for (unsigned i = 0; end < text + bytes; i++)
		end += sprintf(end, "w%u ", i);
	text[bytes] = 0;
	return text;
}

/* All of argv in `bytes`, the NULs included; a single argument may have 128 KiB. */
static void start_with_bytes(size_t bytes)
{
	char *text = long_text(bytes - sizeof("x") - 1), *arguments[] = {"x", text, NULL};

	start("tree", arguments, "exit 0");
	reap(0);
	free(text);
}

static void start_with_many(size_t count, size_t bytes)
{
	char **arguments = calloc(count + 1, sizeof(*arguments)), *text = long_text(bytes);

	for (size_t i = 0; i < count; i++)
		arguments[i] = text + i % 16;
	start("tree", arguments, "exit 0");
	reap(0);
	free(arguments);
	free(text);
}

void run_arguments(long count)
{
	static const size_t sizes[] = {2047,  2048,  2049,  2050,  10239, 10240, 10241,
				       18432, 18433, 65535, 65536, 100001, 131072, 131074};
	char *none[] = {NULL}, *empty[] = {"", NULL}, *gaps[] = {"", "a", "", "", "b c", "", NULL};
	char all[256], *bytes[] = {"bytes", all, "Gr\xc3\xb6\xc3\x9f\x65 \xe6\x9d\xb1\xe4\xba\xac",
				   "half \xe6\x9d, lone \xff\xfe, private \xee\xbe\x80 \xee\xbf\xbf", "line\nline\r\ttab", NULL};

	for (int i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = 0;
	start("tree", none, "exit 0");
	start("tree", empty, "exit 0");
	start("tree", gaps, "exit 0");
	start("tree", bytes, "exit 0");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		start_with_bytes(sizes[i]);
	start_with_many(20000, 20);
	start_with_many(12, 120000);
}

void run_chain(long depth)
{
	char task[32];

	snprintf(task, sizeof(task), "chain %ld", depth);
	start("tree", one_word, task);
}

void go_on_chain(int depth)
{
	if (depth > 1)
		run_chain(depth - 1);
	while (reap(0))
		;
	_exit(depth % 251);
}

void run_daemon(long count)
{
	for (long i = 0; i < count; i++) {
		struct self first;

		if (make_child())
			continue;
		first = me;
		setsid();
		if (make_child())
			_exit(3);
		while (getppid() == first.pid)
			usleep(1000);
		if (chdir("/"))
			give_up("chdir");
		become("tree", one_word, "exit 9");
		give_up("a daemon");
	}
}

/* As the test made them in the folder of the programs: copies, a link, and a script that names one as its interpreter. */
static const char *const names[] = {
	"tree", "with space", "gr\xc3\xb6\xc3\x9f\x65", "byte \xff", "link", "script", ".hidden", "a)b (c",
};
static const char *const folders[] = {"in", "in here", "\xff\xfe", "line\nline", "\xe6\x9d\xb1\xe4\xba\xac", "deep/er/still"};

void run_again(long count)
{
	if (make_child() == 0)
		go_on_again((int)count);
}

void go_on_again(int count)
{
	char task[32], text[32], folder[4096], *arguments[] = {"again", text, NULL};

	if (count == 0)
		_exit(21);
	snprintf(task, sizeof(task), "again %d", count - 1);
	snprintf(text, sizeof(text), "%d", count);
	snprintf(folder, sizeof(folder), "%s/%s", getenv("ORACLE_PROGRAMS"),
		 folders[(size_t)count % (sizeof(folders) / sizeof(folders[0]))]);
	if (chdir(folder))
		give_up(folder);
	become(names[(size_t)count % (sizeof(names) / sizeof(names[0]))], arguments, task);
	give_up("again");
}

static void fail_with(int error, const char *program, char **arguments)
{
	become(program, arguments, "exit 97");
	if (errno != error)
		give_up(program);
}

void run_missing(long count)
{
	char *text = long_text(200000), *too_long[] = {"tree", text, NULL};

	for (int then = 0; then < 2; then++) {
		if (make_child())
			continue;
		fail_with(ENOENT, "no-such-program", one_word);
		fail_with(ENOTDIR, "tree/program", one_word);
		fail_with(EACCES, "not-executable", one_word);
		fail_with(EACCES, "in", one_word);
		fail_with(ENOEXEC, "no-program", one_word);
		fail_with(ENOENT, "script-of-nothing", one_word);
		fail_with(E2BIG, "tree", too_long);
		/* As a shell that finds the program in the last of its folders. */
		if (then)
			become("tree", one_word, "exit 5");
		_exit(127);
	}
	free(text);
}

/* Becomes a program, or ends, before its parent goes on. */
static void start_vfork(const char *program)
{
	struct self parent = me;

	if (vfork())
		return;
	tell_fork(parent);
	if (program)
		become(program, one_word, "exit 34");
	_exit(33);
}

void run_vfork(long count)
{
	start_vfork(NULL);
	start_vfork("no-such-program");
	start_vfork("tree");
}

void run_users(long count)
{
	static const unsigned users[] = {65534, 1, 4000000000};

	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		if (make_child())
			continue;
		if (setgid(users[i] - 1) || setuid(users[i]))
			give_up("setuid");
		become("tree", one_word, "exit 0");
		give_up("a program of another user");
	}
}

void run_sibling(long count)
{
	struct self maker;

	if (make_child())
		return;
	maker = me;
	if (syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL) == 0) {
		tell_fork(maker);
		become("tree", one_word, "exit 44");
		give_up("a sibling");
	}
	_exit(43);
}
