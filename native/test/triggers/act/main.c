// SPDX-License-Identifier: Apache-2.0

#include "act.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct slot slots[SLOTS];
size_t chunk = 65536;

void give_up(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(2);
}

struct slot *slot_of(const char *word)
{
	int index = word ? atoi(word) : -1;

	if (index < 0 || index >= SLOTS)
		give_up("act: no slot '%s'", word ? word : "");
	return &slots[index];
}

/* Bytes that differ between slots and between places of one stream. */
void fill_pattern(uint8_t *into, size_t count, unsigned seed, uint64_t offset)
{
	for (size_t i = 0; i < count; i++, offset++)
		into[i] = (uint8_t)(((uint32_t)offset * 2654435761u + seed * 40503u) >> 24) ^ (uint8_t)(offset >> 16);
}

void report(struct slot *slot)
{
	char sent[65], received[65];
	struct stat file = {};

	if (!slot->used)
		return;
	fstat(slot->fd, &file);
	sha256_end(slot->sent_sum, sent);
	sha256_end(slot->received_sum, received);
	printf("{\"slot\":%d,\"pid\":%d,\"inode\":%lu,\"localPort\":%u,\"remotePort\":%u,"
	       "\"sent\":%lu,\"received\":%lu,\"sentSha256\":\"%s\",\"receivedSha256\":\"%s\"}\n",
	       (int)(slot - slots), getpid(), (unsigned long)file.st_ino, slot->local_port, slot->remote_port,
	       (unsigned long)slot->sent, (unsigned long)slot->received, sent, received);
	fflush(stdout);
	slot->sent = slot->received = 0;
	slot->local_port = slot->remote_port = 0;
	sha256_begin(&slot->sent_sum);
	sha256_begin(&slot->received_sum);
}

static const struct act *find_act(const char *name)
{
	const struct act *tables[] = {socket_acts, move_acts, process_acts};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct act *act = tables[i]; act->name; act++) {
			if (strcmp(act->name, name) == 0)
				return act;
		}
	}
	return NULL;
}

static void run_act(const char *text)
{
	char copy[1024], *words[WORDS + 1] = {}, *rest = copy;
	const struct act *act;
	int count = 0, error;
	long result;

	snprintf(copy, sizeof(copy), "%s", text);
	while (count < WORDS && (words[count] = strtok_r(rest, " ", &rest)))
		count++;
	if (!count)
		return;
	act = find_act(words[0]);
	if (!act)
		give_up("act: no act '%s'", words[0]);
	errno = 0;
	result = act->run(words + 1, count - 1);
	error = result < 0 ? errno : 0;
	printf("{\"act\":\"%s\",\"pid\":%d,\"result\":%ld,\"error\":%d}\n", text, getpid(), result, error);
	fflush(stdout);
}

void run_acts(char **acts, int count)
{
	for (int i = 0; i < count; i++)
		run_act(acts[i]);
}

int main(int count, char **arguments)
{
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < SLOTS; i++)
		slots[i].fd = slots[i].pipe[0] = slots[i].pipe[1] = -1;
	run_acts(arguments + 1, count - 1);
	for (int i = 0; i < SLOTS; i++)
		report(&slots[i]);
	return 0;
}
