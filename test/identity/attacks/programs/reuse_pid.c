/* SPDX-License-Identifier: Apache-2.0 */

/* reuse_pid PID PROGRAM ARGUMENTS: runs the program in a process that has that pid, as soon as it is free. */

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	pid_t wanted = argc > 2 ? atoi(argv[1]) : 0;
	struct clone_args how = {.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&wanted, .set_tid_size = 1};
	int status = 0;

	for (int tries = 0; tries < 4000; tries++) {
		long child = syscall(SYS_clone3, &how, sizeof(how));

		if (child == 0) {
			execv(argv[2], argv + 2);
			_exit(127);
		}
		if (child > 0) {
			waitpid((pid_t)child, &status, 0);
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
		}
		if (errno != EEXIST)
			break;
		usleep(5000);
	}
	perror("clone3");
	return 1;
}
