// SPDX-License-Identifier: Apache-2.0

#include "truth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STAT_FIELD_STATE 3
#define STAT_FIELD_START 22
#define PATH_BYTES 4096

struct self me;

void give_up(const char *what)
{
	fprintf(stderr, "tree: %s: %s\n", what, strerror(errno));
	_exit(99);
}

static ssize_t read_file(const char *path, char *into, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		give_up(path);
	got = read(fd, into, room - 1);
	close(fd);
	if (got < 0)
		give_up(path);
	into[got] = 0;
	return got;
}

/* A zombie has its stat file, too. */
static unsigned long long start_ticks(const char *process)
{
	char path[64], text[2048], *at;

	snprintf(path, sizeof(path), "/proc/%s/stat", process);
	read_file(path, text, sizeof(text));
	/* The name stands in parentheses and may have some itself. */
	at = strrchr(text, ')') + 2;
	for (int field = STAT_FIELD_STATE; field < STAT_FIELD_START; field++)
		at = strchr(at, ' ') + 1;
	return strtoull(at, NULL, 10);
}

void learn_self(void)
{
	me = (struct self){getpid(), start_ticks("self")};
}

/* In one write: the file is opened for appending, so lines of many processes stay whole. */
static void write_line(const char *line, size_t bytes)
{
	int fd = open(getenv("ORACLE_LOG"), O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd < 0 || write(fd, line, bytes) != (ssize_t)bytes)
		give_up("the log");
	close(fd);
}

static char *append_hex(char *into, const char *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		*into++ = digits[(unsigned char)bytes[i] >> 4];
		*into++ = digits[(unsigned char)bytes[i] & 15];
	}
	return into;
}

static char *append_field(char *into, const char *name, const char *bytes, size_t count)
{
	into += sprintf(into, ",\"%s\":\"", name);
	into = append_hex(into, bytes, count);
	*into++ = '"';
	return into;
}

void tell_exec(int count, char **arguments)
{
	char exe[PATH_BYTES], cwd[PATH_BYTES], cgroup[PATH_BYTES], *line, *end;
	ssize_t exe_bytes = readlink("/proc/self/exe", exe, sizeof(exe));
	ssize_t cgroup_bytes = read_file("/proc/self/cgroup", cgroup, sizeof(cgroup));
	size_t argv_bytes = 0;

	if (exe_bytes < 0 || !getcwd(cwd, sizeof(cwd)))
		give_up("what this is");
	for (int i = 0; i < count; i++)
		argv_bytes += strlen(arguments[i]) + 1;
	line = malloc(512 + 2 * (argv_bytes + 3 * PATH_BYTES));
	if (!line)
		give_up("memory");
	end = line + sprintf(line, "{\"kind\":\"exec\",\"pid\":%d,\"ticks\":%llu,\"uid\":%u,\"gid\":%u", me.pid, me.ticks,
			     getuid(), getgid());
	end = append_field(end, "exe", exe, (size_t)exe_bytes);
	end = append_field(end, "cwd", cwd, strlen(cwd));
	end = append_field(end, "cgroup", cgroup, (size_t)cgroup_bytes);
	end += sprintf(end, ",\"argv\":\"");
	for (int i = 0; i < count; i++)
		end = append_hex(end, arguments[i], strlen(arguments[i]) + 1);
	end += sprintf(end, "\"}\n");
	write_line(line, (size_t)(end - line));
	free(line);
}

void tell_fork(struct self parent)
{
	char line[256];
	int bytes = snprintf(line, sizeof(line),
			     "{\"kind\":\"fork\",\"pid\":%d,\"ticks\":%llu,\"parentPid\":%d,\"parentTicks\":%llu}\n",
			     getpid(), start_ticks("self"), parent.pid, parent.ticks);

	write_line(line, (size_t)bytes);
}

static int reap_one(pid_t pid, int flags)
{
	idtype_t whom = pid ? P_PID : P_ALL;
	siginfo_t ended = {};
	char name[16], line[256];
	int bytes;

	/* Its pid is not free before the line is written: the child stays until then. */
	while (waitid(whom, (id_t)pid, &ended, WEXITED | WNOWAIT | flags)) {
		if (errno == ECHILD)
			return 0;
		if (errno != EINTR)
			give_up("waitid");
	}
	if (!ended.si_pid)
		return 0;
	snprintf(name, sizeof(name), "%d", ended.si_pid);
	bytes = snprintf(line, sizeof(line),
			 "{\"kind\":\"exit\",\"pid\":%d,\"ticks\":%llu,\"code\":%d,\"signal\":%d,\"core\":%s}\n", ended.si_pid,
			 start_ticks(name), ended.si_code == CLD_EXITED ? ended.si_status : 0,
			 ended.si_code == CLD_EXITED ? 0 : ended.si_status, ended.si_code == CLD_DUMPED ? "true" : "false");
	write_line(line, (size_t)bytes);
	waitid(P_PID, (id_t)ended.si_pid, &ended, WEXITED);
	return 1;
}

int reap(pid_t pid)
{
	return reap_one(pid, 0);
}

int reap_ready(void)
{
	return reap_one(0, WNOHANG);
}

pid_t make_child(void)
{
	struct self parent = me;
	pid_t child = fork();

	if (child < 0)
		give_up("fork");
	if (child == 0) {
		tell_fork(parent);
		learn_self();
	}
	return child;
}

void become(const char *program, char *const *arguments, const char *task)
{
	char path[PATH_BYTES], log[PATH_BYTES], programs[PATH_BYTES], todo[256];
	char *environment[] = {log, programs, todo, NULL};

	snprintf(path, sizeof(path), program[0] == '/' ? "%s%s" : "%s/%s",
		 program[0] == '/' ? "" : getenv("ORACLE_PROGRAMS"), program);
	snprintf(log, sizeof(log), "ORACLE_LOG=%s", getenv("ORACLE_LOG"));
	snprintf(programs, sizeof(programs), "ORACLE_PROGRAMS=%s", getenv("ORACLE_PROGRAMS"));
	snprintf(todo, sizeof(todo), "ORACLE_TASK=%s", task);
	execve(path, arguments, environment);
}
