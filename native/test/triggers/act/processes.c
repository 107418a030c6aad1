// SPDX-License-Identifier: Apache-2.0

/* Processes and threads that act, and waiting for one another. */

#include "act.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* child ACT;ACT;...: acts of a child, written with semicolons; its sockets are those of the parent. Waits for it. */
static long run_child(char **words, int count, int wait)
{
	char text[1024] = "", *acts[64], *rest = text;
	int found = 0, status = 0;
	pid_t child;

	for (int i = 0; i < count; i++) {
		strncat(text, words[i], sizeof(text) - strlen(text) - 2);
		strcat(text, " ");
	}
	while (found < 64 && (acts[found] = strtok_r(rest, ";", &rest)))
		found++;
	fflush(stdout);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < SLOTS; i++) {
			slots[i].sent = slots[i].received = 0;
			sha256_begin(&slots[i].sent_sum);
			sha256_begin(&slots[i].received_sum);
		}
		run_acts(acts, found);
		fflush(stdout);
		_exit(0);
	}
	if (child > 0 && wait)
		waitpid(child, &status, 0);
	return child;
}

static long act_child(char **words, int count)
{
	return run_child(words, count, 1);
}

/* beside ACT;ACT;...: as child, and does not wait; `join` does. */
static long act_beside(char **words, int count)
{
	return run_child(words, count, 0);
}

/* join: waits for all children. */
static long act_join(char **words, int count)
{
	long ended = 0;

	while (wait(NULL) > 0)
		ended++;
	return ended;
}

/* sleep MILLISECONDS */
static long act_sleep(char **words, int count)
{
	return usleep((useconds_t)atoi(words[0]) * 1000);
}

/* wait PATH: until there is a file; `touch PATH` of another process makes it. */
static long act_wait(char **words, int count)
{
	while (access(words[0], F_OK))
		usleep(2000);
	return 0;
}

static long act_touch(char **words, int count)
{
	int fd = open(words[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	return fd < 0 ? -1 : close(fd);
}

struct writer {
	struct slot *slot;
	uint64_t bytes;
	uint8_t mark;
};

static void *write_marks(void *argument)
{
	struct writer *writer = argument;
	uint8_t marks[1000];

	memset(marks, writer->mark, sizeof(marks));
	for (uint64_t left = writer->bytes; left;) {
		ssize_t sent = send(writer->slot->fd, marks, left < sizeof(marks) ? left : sizeof(marks), 0);

		if (sent <= 0)
			return NULL;
		left -= (uint64_t)sent;
	}
	return NULL;
}

/* threads FROM TO BYTES: two threads write at once, each so many, while this one receives all. */
static long act_threads(char **words, int count)
{
	struct slot *from = slot_of(words[0]), *to = slot_of(words[1]);
	uint64_t bytes = strtoull(words[2], NULL, 10), received = 0;
	struct writer writers[2] = {{from, bytes, 'a'}, {from, bytes, 'b'}};
	pthread_t threads[2];
	uint8_t buffer[4096];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, write_marks, &writers[i]);
	while (received < 2 * bytes) {
		ssize_t got = recv(to->fd, buffer, sizeof(buffer), 0);

		if (got <= 0)
			break;
		sha256_add(&to->received_sum, buffer, (size_t)got);
		received += (uint64_t)got;
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	/* In which order they were written only the receiver can tell. */
	from->sent += 2 * bytes;
	from->sent_sum = to->received_sum;
	to->received += received;
	return (long)received;
}

/* exit CODE: without a word about the slots. */
static long act_exit(char **words, int count)
{
	exit(count ? atoi(words[0]) : 0);
}

const struct act process_acts[] = {
	{"child", act_child}, {"beside", act_beside}, {"join", act_join},	{"sleep", act_sleep}, {"wait", act_wait},
	{"touch", act_touch}, {"threads", act_threads}, {"exit", act_exit}, {},
};
