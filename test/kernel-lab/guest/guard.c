// SPDX-License-Identifier: Apache-2.0

/*
 * In a guest: an agent that is no more than the capture and its guard, the workloads that attack it, and an operator. Prints
 * a line of JSON for each thing that was tried, with what came of it.
 *
 *   guard refuse     the kernel has BPF LSM: all acts of workloads are refused and told, the operator's are not
 *   guard tell       it has not: the guard says why, and what is done is told
 *   guard too-old    the kernel is below what the capture needs: it says so
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../native/loader/capture.h"
#include "acts.h"
#include "lab.h"

#define OTHER_USER 1000

static struct sworn_capture *capture;

static void make_state(void)
{
	mkdir(STATE, 0755);
	mkdir(JOURNAL, 0755);
	close(open(SEGMENT, O_WRONLY | O_CREAT, 0644));
	close(open("/etc/agent.yaml", O_WRONLY | O_CREAT, 0644));
}

struct news {
	uint64_t session;
	uint32_t way;
	uint32_t act;
	uint64_t subject;
};

static struct news news[1024];
static size_t news_count;

/* All ways that wait in the ring. */
static void read_news(void)
{
	static uint64_t buffer[SWORN_DRAIN_BYTES_MIN / 8 * 4];
	ssize_t got;

	while ((got = sworn_capture_drain(capture, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < got;) {
			const struct sworn_event *event = (void *)((char *)buffer + at);
			const struct sworn_way_event *way = (const void *)event;

			if (event->type == SWORN_EVENT_WAY && news_count < sizeof(news) / sizeof(news[0]))
				news[news_count++] =
					(struct news){way->scope.session_key, way->way, way->detail, way->subject};
			at += (event->size + 7) & ~7u;
		}
	}
}

static bool is_told(uint64_t session, uint32_t way, uint32_t act)
{
	for (size_t i = 0; i < news_count; i++) {
		if (news[i].session == session && news[i].way == way && news[i].act == act)
			return true;
	}
	return false;
}

/* Performs one act in a process of its own, as a workload when a session is given. Returns what came of it, -1: it hung. */
static int try_as(int (*perform)(pid_t), uid_t uid, uint64_t session)
{
	pid_t agent = getpid(), child;
	int gate[2], entered[2], status;
	char there;

	if (pipe(gate) || pipe(entered))
		exit(2);
	child = fork();
	if (child == 0) {
		char go;

		close(gate[1]);
		enter(WORK_CGROUP);
		close(entered[0]);
		close(entered[1]);
		/* The gate opens by a byte; who finds it closed was not watched. */
		if (read(gate[0], &go, 1) != 1)
			_exit(120);
		/* The agent has mounts of its own, as systemd gives it; others do not. */
		if (setns(open("/proc/1/ns/mnt", O_RDONLY), CLONE_NEWNS))
			_exit(124);
		if (uid && (setgid(uid) || setuid(uid)))
			_exit(121);
		alarm(10);
		_exit(perform(agent));
	}
	/* Into its cgroup before it is a workload: out of the root is a move that a workload is refused. */
	close(entered[1]);
	if (read(entered[0], &there, 1) > 0)
		exit(2);
	close(entered[0]);
	if (session) {
		struct sworn_scope scope = {.selection_id = 7, .session_key = session};
		int error = sworn_capture_watch(capture, (uint32_t)child, &scope);

		if (error) {
			close(gate[1]);
			return 122;
		}
	}
	close(gate[0]);
	if (write(gate[1], "g", 1) != 1)
		return 123;
	close(gate[1]);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static uint64_t next_session = 100;

static void expect_refused(const struct act *act, uid_t uid, const char *who)
{
	uint64_t session = next_session++;
	int came = try_as(act->perform, uid, session);
	bool told, refused = came == EPERM || came == EACCES;
	char name[128], detail[128];

	read_news();
	/* What an ordinary user may not do anyway is refused by the kernel before the guard is asked. */
	told = is_told(session, SWORN_WAY_REFUSED, act->told_as);
	snprintf(name, sizeof(name), "%s, %s", act->name, who);
	snprintf(detail, sizeof(detail), "errno %d, %s", came, told ? "told" : "not told");
	say(name, refused && (told || uid), detail);
}

static int own_child(pid_t agent)
{
	pid_t child = fork();

	if (child == 0) {
		pause();
		_exit(0);
	}
	return kill(child, SIGKILL) || waitpid(child, NULL, 0) != child ? errno : 0;
}

static int own_file(pid_t agent)
{
	int fd = open("/tmp/own", O_RDWR | O_CREAT | O_TRUNC, 0600), error;

	error = fd < 0 || rename("/tmp/own", "/tmp/mine") || chmod("/tmp/mine", 0644) || unlink("/tmp/mine") ? errno : 0;
	close(fd);
	return error;
}

static int own_cgroup(pid_t agent)
{
	mkdir(WORK_CGROUP "/below", 0755);
	int fd = open(WORK_CGROUP "/below/cgroup.procs", O_WRONLY), error;

	if (fd < 0)
		return errno;
	error = write(fd, "0", 1) == 1 ? 0 : errno;
	close(fd);
	return error;
}

static int own_mount(pid_t agent)
{
	if (mount("none", "/mnt", "tmpfs", 0, NULL))
		return errno;
	return umount("/mnt") ? errno : 0;
}

static int look(pid_t agent)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", agent);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return errno;
	close(fd);
	fd = open(SEGMENT, O_RDONLY);
	if (fd < 0)
		return errno;
	close(fd);
	return kill(agent, 0) ? errno : 0;
}

static void expect_done(const char *name, int (*perform)(pid_t), uint64_t session)
{
	int came = try_as(perform, 0, session);
	char detail[64];

	snprintf(detail, sizeof(detail), "errno %d", came);
	say(name, came == 0, detail);
}

static void refuse(void)
{
	const char *paths[] = {STATE, "/etc/agent.yaml", "/not/there"};
	int error = sworn_capture_refuse_acts(capture);

	say("the guard is set", error == 0, error ? sworn_capture_message() : "");
	if (error)
		return;
	error = sworn_capture_guard_files(capture, paths, 3);
	say("files are guarded", error == 0, error ? strerror(-error) : "");
	have_rights_of_agent(false);
	for (size_t i = 0; i < act_count; i++)
		expect_refused(&acts[i], 0, "root");
	for (size_t i = 0; i < act_count; i++)
		expect_refused(&acts[i], OTHER_USER, "another user");
	expect_done("a workload ends its child", own_child, next_session++);
	expect_done("a workload writes its files", own_file, next_session++);
	expect_done("a workload moves below its cgroup", own_cgroup, next_session++);
	expect_done("a workload mounts elsewhere", own_mount, next_session++);
	expect_done("a workload looks at the agent", look, next_session++);
	for (size_t i = 0; i < act_count; i++) {
		char name[128];

		if (!acts[i].survivable && !acts[i].needs_root)
			continue;
		if (strcmp(acts[i].name, "cgroup.kill") == 0)
			continue;
		snprintf(name, sizeof(name), "%s, by an operator", acts[i].name);
		expect_done(name, acts[i].perform, 0);
	}
}

/* By what each act shows without LSM. */
static uint32_t seen_as(const struct act *act)
{
	if (act->told_as != SWORN_ACT_CGROUP)
		return act->told_as;
	return strcmp(act->name, "cgroup.freeze") == 0 ? SWORN_ACT_FREEZE : SWORN_ACT_MOVE;
}

static void tell(void)
{
	int error = sworn_capture_refuse_acts(capture);

	have_rights_of_agent(false);
	say("the guard says why it is not there", error != 0 && strlen(sworn_capture_message()) > 20,
	    sworn_capture_message());
	for (size_t i = 0; i < act_count; i++) {
		uint64_t session = next_session++;
		char name[128], detail[64];
		int came;

		if (!acts[i].survivable)
			continue;
		came = try_as(acts[i].perform, 0, session);
		sworn_capture_scan_ways(capture);
		read_news();
		snprintf(name, sizeof(name), "%s, root, told", acts[i].name);
		snprintf(detail, sizeof(detail), "errno %d", came);
		say(name, came == 0 && is_told(session, SWORN_WAY_ATTACK, seen_as(&acts[i])), detail);
	}
	uint64_t session = next_session;
	expect_done("signal SIGUSR1, by an operator", acts[0].perform, 0);
	read_news();
	say("the operator's signal is not told", !is_told(0, SWORN_WAY_ATTACK, SWORN_ACT_SIGNAL) &&
		!is_told(session, SWORN_WAY_ATTACK, SWORN_ACT_SIGNAL), "");
}

static void ignore(int signal)
{
}

int main(int count, char **words)
{
	const char *mode = count > 1 ? words[1] : "";
	struct sworn_capture_options options = {.ring_bytes = 1 << 20, .processes_max = 1024};
	int error;

	signal(SIGUSR1, ignore);
	mkdir(AGENT_CGROUP, 0755);
	mkdir(WORK_CGROUP, 0755);
	enter(AGENT_CGROUP);
	make_state();
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) || have_rights_of_agent(true)) {
		say("the agent has its own mounts and few rights", false, strerror(errno));
		return 1;
	}
	error = sworn_capture_open(&options, &capture);
	if (strcmp(mode, "too-old") == 0) {
		say("the capture says why it is not there", error != 0 && strlen(sworn_capture_message()) > 20,
		    sworn_capture_message());
		return 0;
	}
	say("the capture is open", error == 0, error ? sworn_capture_message() : "");
	if (error)
		return 1;
	error = sworn_capture_guard_self(capture);
	say("acts against the agent are told of", error == 0, error ? strerror(-error) : "");
	if (strcmp(mode, "refuse") == 0)
		refuse();
	else
		tell();
	sworn_capture_close(capture);
	say("the agent ends by itself", true, "");
	return 0;
}
