// SPDX-License-Identifier: Apache-2.0

#include "acts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../native/abi/event.h"

static int as_errno(long result)
{
	return result < 0 ? errno : 0;
}

static int send_signal(pid_t agent, int signal)
{
	return as_errno(kill(agent, signal));
}

static int kill_it(pid_t agent)
{
	return send_signal(agent, SIGKILL);
}

static int stop_it(pid_t agent)
{
	return send_signal(agent, SIGSTOP);
}

static int terminate_it(pid_t agent)
{
	return send_signal(agent, SIGTERM);
}

static int signal_it(pid_t agent)
{
	return send_signal(agent, SIGUSR1);
}

static int kill_thread(pid_t agent)
{
	return as_errno(syscall(SYS_tgkill, agent, agent, SIGKILL));
}

static int queue_signal(pid_t agent)
{
	return as_errno(sigqueue(agent, SIGKILL, (union sigval){}));
}

static int kill_by_pidfd(pid_t agent)
{
	int fd = (int)syscall(SYS_pidfd_open, agent, 0);

	if (fd < 0)
		return errno;
	return as_errno(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
}

/* Refusal shows only in that the agent lives: whoever makes the signal come is not told. */
static int kill_by_file(pid_t agent)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return errno;
	if (fcntl(ends[0], F_SETOWN, agent) || fcntl(ends[0], F_SETSIG, SIGKILL) ||
	    fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK))
		return errno;
	return write(ends[1], "x", 1) == 1 ? EPERM : errno;
}

static int attach(pid_t agent)
{
	if (ptrace(PTRACE_ATTACH, agent, 0, 0))
		return errno;
	waitpid(agent, NULL, __WALL);
	ptrace(PTRACE_DETACH, agent, 0, 0);
	return 0;
}

static int seize(pid_t agent)
{
	if (ptrace(PTRACE_SEIZE, agent, 0, 0))
		return errno;
	ptrace(PTRACE_INTERRUPT, agent, 0, 0);
	waitpid(agent, NULL, __WALL);
	ptrace(PTRACE_DETACH, agent, 0, 0);
	return 0;
}

static int write_memory(pid_t agent)
{
	char byte = 0;
	struct iovec here = {&byte, 1}, there = {(void *)0x1000, 1};

	process_vm_writev(agent, &here, 1, &there, 1, 0);
	return errno == EFAULT ? 0 : errno;
}

static int take_descriptor(pid_t agent)
{
	int fd = (int)syscall(SYS_pidfd_open, agent, 0);

	if (fd < 0)
		return errno;
	return as_errno(syscall(SYS_pidfd_getfd, fd, 1, 0));
}

static int open_of(pid_t agent, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", agent, name);
	fd = open(path, O_RDWR);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int open_memory(pid_t agent)
{
	return open_of(agent, "mem");
}

static int open_score(pid_t agent)
{
	return open_of(agent, "oom_score_adj");
}

static int limit(pid_t agent)
{
	struct rlimit all;

	if (prlimit(agent, RLIMIT_CORE, NULL, &all))
		return errno;
	return as_errno(prlimit(agent, RLIMIT_CORE, &all, NULL));
}

static int be_nice(pid_t agent)
{
	return as_errno(setpriority(PRIO_PROCESS, (id_t)agent, 1));
}

static int pin(pid_t agent)
{
	cpu_set_t all;

	CPU_ZERO(&all);
	CPU_SET(0, &all);
	CPU_SET(1, &all);
	return as_errno(sched_setaffinity(agent, sizeof(all), &all));
}

static long call_bpf(int command, union bpf_attr *attributes)
{
	return syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

/* Through all ids that there are: 0 when one could be opened. */
static int open_objects(int next_command, int open_command)
{
	union bpf_attr attributes = {};
	int refused = ENOENT;

	while (call_bpf(next_command, &attributes) == 0) {
		union bpf_attr one = {};
		long fd;

		one.map_id = attributes.next_id;
		fd = call_bpf(open_command, &one);
		if (fd >= 0) {
			close((int)fd);
			return 0;
		}
		refused = errno;
		attributes.start_id = attributes.next_id;
	}
	return refused == ENOENT ? errno : refused;
}

static int open_maps(pid_t agent)
{
	return open_objects(BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID);
}

static int open_programs(pid_t agent)
{
	return open_objects(BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID);
}

static int open_links(pid_t agent)
{
	return open_objects(BPF_LINK_GET_NEXT_ID, BPF_LINK_GET_FD_BY_ID);
}

static int load_tracing(pid_t agent)
{
	/* r0 = 0; exit */
	struct bpf_insn code[] = {{.code = 0xb7}, {.code = 0x95}};
	union bpf_attr attributes = {.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
				     .insns = (uint64_t)code,
				     .insn_cnt = 2,
				     .license = (uint64_t) "GPL"};

	return as_errno(call_bpf(BPF_PROG_LOAD, &attributes));
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), error;

	if (fd < 0)
		return errno;
	error = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return error;
}

static int kill_cgroup(pid_t agent)
{
	return put(AGENT_CGROUP "/cgroup.kill", "1");
}

static int freeze_cgroup(pid_t agent)
{
	int error = put(AGENT_CGROUP "/cgroup.freeze", "1");

	if (error)
		return error;
	usleep(100 * 1000);
	return put(AGENT_CGROUP "/cgroup.freeze", "0");
}

/* Into a cgroup of its own, to do there what it likes. */
static int move(pid_t agent)
{
	char text[16];
	int error;

	snprintf(text, sizeof(text), "%d", agent);
	error = put(WORK_CGROUP "/cgroup.procs", text);
	if (!error)
		error = put(AGENT_CGROUP "/cgroup.procs", text);
	return error;
}

static int overwrite(pid_t agent)
{
	return put(SEGMENT, "x");
}

static int overwrite_elsewhere(pid_t agent)
{
	int error;

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(JOURNAL, "/mnt", NULL, MS_BIND, NULL))
		return errno;
	error = put("/mnt/1.seg", "x");
	umount("/mnt");
	return error;
}

static int make(pid_t agent)
{
	int fd = open(JOURNAL "/2.seg", O_WRONLY | O_CREAT | O_EXCL, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	unlink(JOURNAL "/2.seg");
	return 0;
}

static int make_folder(pid_t agent)
{
	int error = as_errno(mkdir(STATE "/folder", 0700));

	rmdir(STATE "/folder");
	return error;
}

static int make_symlink(pid_t agent)
{
	int error = as_errno(symlink("/tmp", STATE "/link"));

	unlink(STATE "/link");
	return error;
}

static int unlink_it(pid_t agent)
{
	int error = as_errno(unlink(SEGMENT));

	if (!error)
		close(open(SEGMENT, O_WRONLY | O_CREAT, 0600));
	return error;
}

static int rename_it(pid_t agent)
{
	int error = as_errno(rename(SEGMENT, "/stolen"));

	if (!error)
		rename("/stolen", SEGMENT);
	return error;
}

static int rename_folder(pid_t agent)
{
	int error = as_errno(rename(STATE, "/elsewhere"));

	if (!error)
		rename("/elsewhere", STATE);
	return error;
}

static int replace(pid_t agent)
{
	close(open("/false", O_WRONLY | O_CREAT, 0600));
	return as_errno(rename("/false", SEGMENT));
}

static int link_it(pid_t agent)
{
	int error = as_errno(link(SEGMENT, "/second"));

	unlink("/second");
	return error;
}

static int cut(pid_t agent)
{
	return as_errno(truncate(SEGMENT, 0));
}

static int open_up(pid_t agent)
{
	return as_errno(chmod(SEGMENT, 0600));
}

static int own(pid_t agent)
{
	return as_errno(chown(SEGMENT, 0, 0));
}

static int change_config(pid_t agent)
{
	return put("/etc/agent.yaml", "x");
}

static int mount_over(pid_t agent)
{
	int error = as_errno(mount("none", STATE, "tmpfs", 0, NULL));

	if (!error)
		umount(STATE);
	return error;
}

const struct act acts[] = {
	{"signal SIGUSR1", SWORN_ACT_SIGNAL, signal_it, false, true},
	{"signal SIGKILL", SWORN_ACT_SIGNAL, kill_it, false, false},
	{"signal SIGSTOP", SWORN_ACT_SIGNAL, stop_it, false, false},
	{"signal SIGTERM", SWORN_ACT_SIGNAL, terminate_it, false, false},
	{"tgkill", SWORN_ACT_SIGNAL, kill_thread, false, false},
	{"sigqueue", SWORN_ACT_SIGNAL, queue_signal, false, false},
	{"pidfd_send_signal", SWORN_ACT_SIGNAL, kill_by_pidfd, false, false},
	{"F_SETSIG", SWORN_ACT_SIGNAL, kill_by_file, false, false},
	{"PTRACE_ATTACH", SWORN_ACT_TRACE, attach, false, true},
	{"PTRACE_SEIZE", SWORN_ACT_TRACE, seize, false, true},
	{"process_vm_writev", SWORN_ACT_TRACE, write_memory, false, false},
	{"pidfd_getfd", SWORN_ACT_TRACE, take_descriptor, false, false},
	{"/proc/PID/mem", SWORN_ACT_PROC_FILE, open_memory, false, false},
	{"/proc/PID/oom_score_adj", SWORN_ACT_PROC_FILE, open_score, false, false},
	{"prlimit", SWORN_ACT_LIMIT, limit, false, false},
	{"setpriority", SWORN_ACT_LIMIT, be_nice, false, false},
	{"sched_setaffinity", SWORN_ACT_LIMIT, pin, false, false},
	{"maps by id", SWORN_ACT_BPF_OBJECT, open_maps, true, false},
	{"programs by id", SWORN_ACT_BPF_OBJECT, open_programs, true, false},
	{"links by id", SWORN_ACT_BPF_OBJECT, open_links, true, false},
	{"a tracing program", SWORN_ACT_BPF_LOAD, load_tracing, true, false},
	{"cgroup.kill", SWORN_ACT_CGROUP, kill_cgroup, true, false},
	{"cgroup.freeze", SWORN_ACT_CGROUP, freeze_cgroup, true, true},
	{"another cgroup", SWORN_ACT_CGROUP, move, true, true},
	{"write to the journal", SWORN_ACT_FILE, overwrite, true, false},
	{"write to it by another mount", SWORN_ACT_FILE, overwrite_elsewhere, true, false},
	{"write to the configuration", SWORN_ACT_FILE, change_config, true, false},
	{"create", SWORN_ACT_FILE, make, true, false},
	{"mkdir", SWORN_ACT_FILE, make_folder, true, false},
	{"symlink", SWORN_ACT_FILE, make_symlink, true, false},
	{"unlink", SWORN_ACT_FILE, unlink_it, true, false},
	{"rename away", SWORN_ACT_FILE, rename_it, true, false},
	{"rename over", SWORN_ACT_FILE, replace, true, false},
	{"rename the folder", SWORN_ACT_FILE, rename_folder, true, false},
	{"link", SWORN_ACT_FILE, link_it, true, false},
	{"truncate", SWORN_ACT_FILE, cut, true, false},
	{"chmod", SWORN_ACT_FILE, open_up, true, false},
	{"chown", SWORN_ACT_FILE, own, true, false},
	{"mount over it", SWORN_ACT_MOUNT, mount_over, true, false},
};
const size_t act_count = sizeof(acts) / sizeof(acts[0]);
