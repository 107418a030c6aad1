/* SPDX-License-Identifier: Apache-2.0 */

/* Makes a process that is in another network from its birth on, and does nothing there. */

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	long child = syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0);

	if (child == 0)
		_exit(0);
	return child < 0 || waitpid(child, NULL, 0) != child;
}
