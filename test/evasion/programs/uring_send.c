// SPDX-License-Identifier: Apache-2.0

/* Sends without a system call for it: io_uring. With a slash or name instead of a port's number, over a unix socket. */

#include "way.h"

#include <linux/io_uring.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static void send_by_uring(int fd, const char *message)
{
	struct io_uring_params params = {};
	int ring = must((int)syscall(SYS_io_uring_setup, 4, &params), "io_uring_setup");
	size_t bytes = params.sq_off.array + params.sq_entries * sizeof(uint32_t) +
		       params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
	uint8_t *rings = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	struct io_uring_sqe *request = mmap(NULL, params.sq_entries * sizeof(*request), PROT_READ | PROT_WRITE, MAP_SHARED,
					    ring, IORING_OFF_SQES);

	if (rings == MAP_FAILED || (void *)request == MAP_FAILED)
		give_up("mmap");
	memset(request, 0, sizeof(*request));
	request->opcode = IORING_OP_SEND;
	request->fd = fd;
	request->addr = (uint64_t)(uintptr_t)message;
	request->len = (uint32_t)strlen(message);
	((uint32_t *)(rings + params.sq_off.array))[0] = 0;
	atomic_fetch_add((_Atomic uint32_t *)(rings + params.sq_off.tail), 1);
	must((int)syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), "io_uring_enter");
}

int main(int count, char **arguments)
{
	int port = atoi(arguments[1]);
	int fd = port ? connect_tcp(arguments[1]) : connect_unix(SOCK_STREAM, arguments[1]);

	send_by_uring(fd, arguments[3]);
	finish(fd);
	return 0;
}
