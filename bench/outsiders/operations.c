/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One thing done many times, by a process that nobody watches: prints its CPU time in ns, that of its children included, of
 * the fastest of ROUNDS rounds. Arguments: what, and how often in a round.
 */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 40

static int ends[2];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void open_tcp(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t bytes = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (bind(listener, (void *)&address, bytes) || listen(listener, 1) ||
	    getsockname(listener, (void *)&address, &bytes))
		fail("listen");
	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(ends[0], (void *)&address, bytes))
		fail("connect");
	ends[1] = accept(listener, NULL, NULL);
	setsockopt(ends[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void open_unix(void)
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		fail("socketpair");
}

static void move_byte(void)
{
	char byte = 0;

	if (send(ends[0], &byte, 1, 0) != 1 || recv(ends[1], &byte, 1, 0) != 1)
		fail("a byte");
}

static void map_page(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		fail("mmap");
	munmap(page, 4096);
}

static void make_socket(void)
{
	close(socket(AF_INET, SOCK_DGRAM, 0));
}

static void run_true(void)
{
	char *words[] = {"/bin/true", NULL};
	pid_t pid;

	if (posix_spawn(&pid, words[0], NULL, NULL, words, NULL) || waitpid(pid, NULL, 0) != pid)
		fail(words[0]);
}

static double cpu_ns(void)
{
	struct rusage own, children;

	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &children);
	return (own.ru_utime.tv_sec + own.ru_stime.tv_sec + children.ru_utime.tv_sec + children.ru_stime.tv_sec) * 1e9 +
	       (own.ru_utime.tv_usec + own.ru_stime.tv_usec + children.ru_utime.tv_usec + children.ru_stime.tv_usec) * 1e3;
}

/* Other cores are slower or faster at the moment, and what moved between them would be measured too. */
static void stay_here(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	sched_setaffinity(0, sizeof(here), &here);
}

int main(int count, char **words)
{
	static const struct {
		const char *name;
		void (*open)(void);
		void (*once)(void);
	} operations[] = {
		{"tcp", open_tcp, move_byte},	{"unix", open_unix, move_byte}, {"mmap", NULL, map_page},
		{"socket", NULL, make_socket},	{"exec", NULL, run_true},
	};
	double least = -1;

	for (size_t i = 0; count == 3 && i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(words[1], operations[i].name) != 0)
			continue;
		stay_here();
		if (operations[i].open)
			operations[i].open();
		for (int round = 0; round < ROUNDS; round++) {
			long times = atol(words[2]);
			double before = cpu_ns(), ns;

			for (long done = 0; done < times; done++)
				operations[i].once();
			ns = (cpu_ns() - before) / times;
			if (least < 0 || ns < least)
				least = ns;
		}
		printf("%.0f\n", least);
		return 0;
	}
	fprintf(stderr, "usage: operations tcp|unix|mmap|socket|exec TIMES\n");
	return 2;
}
