/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_LAB_WORK_H
#define SWORN_LAB_WORK_H

/*
 * What workloads do in front of the capture. Each returns 0, else the line at which it failed. Bytes that they move are
 * work_byte(place), so that who reads them can tell whether they are the right ones.
 */

#include <stddef.h>
#include <stdint.h>

static inline uint8_t work_byte(uint64_t place)
{
	return place % 251;
}

/* Of use_pipe: what write and writev moved, and what was spliced behind it. */
#define PIPE_BYTES (1 + 5000 + 70000 + 2400)
#define SPLICED_BYTES 3000
int use_pipe(void);

/* As struct heard has it: w written, r read, E with echo, e without; then the text. */
#define TERMINAL_TEXT "wE:name? |rE:ada\n|we:secret? |re:hunter2\n|we:by|we:e|we:\n|"
#define TERMINAL_COLUMNS 132
#define TERMINAL_ROWS 43
int use_terminal(void);

/* More than the ring holds. */
#define FLOOD_BYTES (4u << 20)
int flood_pipe(void);

/* Writes to a pipe and reads from it by an io_uring: RING_BYTES each way. */
#define RING_BYTES_MOVED 700
int use_ring(void);
/* Splices out of a pipe by an io_uring. */
int splice_by_ring(void);

/* Bytes that a 32-bit call writes to a pipe. */
#define COMPAT_BYTES 5
int write_compat(void);

#define DATAGRAM_SIZES {1, 128, 129, 512, 2048, 2049, 8192, 9000, 60000}
int send_datagrams(void);

/* Each call by which a process acts in another's name, once; whether it succeeds does not matter. */
#define CALL_WAYS 6
int make_calls(void);
/* One of them, as a 32-bit program makes it. */
int make_compat_call(void);

struct key_place {
	const char *name;
	/* enum sworn_probe_kind */
	uint32_t kind;
	void *function;
	int (*pass)(void);
	/* SWORN_SECRET_HAS_ENCRYPTS or 0 */
	uint16_t direction;
	/* enum sworn_ssh_cipher */
	uint16_t cipher;
};

extern const struct key_place key_places[];
extern const size_t key_place_count;
extern const uint8_t work_key[32], work_iv[16];

#endif
