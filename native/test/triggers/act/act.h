/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACT_H
#define ACT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sha256.h"

/*
 * act ACT...
 *
 * Does what its arguments say, one after another, and writes what became of it to standard output, one JSON object a
 * line: the truth that a recording is compared with. An act is words with blanks between them; sockets are in numbered
 * slots. The words are in the tables of sockets.c, move.c and processes.c.
 */

#define SLOTS 16
#define WORDS 12

/* One use of a socket: from connect or accept to its end. */
struct slot {
	int fd;
	int used;
	int family;
	int type;
	unsigned local_port;
	unsigned remote_port;
	/* Bytes of one direction are the pattern of the slot's number, from 0 on. */
	uint64_t sent;
	uint64_t received;
	struct sha256 sent_sum;
	struct sha256 received_sum;
	/* Bytes that wait in `pipe` for splice. */
	size_t piped;
	int pipe[2];
	int zerocopy;
};

extern struct slot slots[SLOTS];
/* Most bytes that one call is given. */
extern size_t chunk;

struct act {
	const char *name;
	/* Returns what the line says as `result`; -1 with errno set when it failed. */
	long (*run)(char **words, int count);
};

extern const struct act socket_acts[];
extern const struct act move_acts[];
extern const struct act process_acts[];

struct slot *slot_of(const char *word);
/* Writes the line of a slot and begins it anew. */
void report(struct slot *slot);
void run_acts(char **acts, int count);
/* Reads the ports of a socket that is connected now. */
void note_ports(struct slot *slot);
void fill_pattern(uint8_t *into, size_t count, unsigned seed, uint64_t offset);

ssize_t uring_send(int fd, const void *bytes, size_t count);
ssize_t uring_receive(int fd, void *bytes, size_t count);

_Noreturn void give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
