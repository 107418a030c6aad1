// SPDX-License-Identifier: Apache-2.0

/* One send or receive at a time through io_uring, by its system calls alone. */

#include "act.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
	int fd;
	struct io_uring_params params;
	uint8_t *rings;
	struct io_uring_sqe *requests;
} uring = {.fd = -1};

static void open_uring(void)
{
	size_t bytes;

	if (uring.fd >= 0)
		return;
	uring.fd = (int)syscall(SYS_io_uring_setup, 4, &uring.params);
	if (uring.fd < 0)
		give_up("act: io_uring_setup: %s", strerror(errno));
	if (!(uring.params.features & IORING_FEAT_SINGLE_MMAP))
		give_up("act: io_uring of this kernel is too old");
	bytes = uring.params.cq_off.cqes + uring.params.cq_entries * sizeof(struct io_uring_cqe);
	if (bytes < uring.params.sq_off.array + uring.params.sq_entries * sizeof(uint32_t))
		bytes = uring.params.sq_off.array + uring.params.sq_entries * sizeof(uint32_t);
	uring.rings = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, uring.fd, IORING_OFF_SQ_RING);
	uring.requests = mmap(NULL, uring.params.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_POPULATE, uring.fd, IORING_OFF_SQES);
	if (uring.rings == MAP_FAILED || uring.requests == MAP_FAILED)
		give_up("act: io_uring memory: %s", strerror(errno));
}

static ssize_t do_one(uint8_t operation, int fd, const void *bytes, size_t count)
{
	_Atomic uint32_t *tail, *head;
	uint32_t mask, at;
	struct io_uring_cqe *done;
	ssize_t result;

	open_uring();
	tail = (void *)(uring.rings + uring.params.sq_off.tail);
	mask = *(uint32_t *)(uring.rings + uring.params.sq_off.ring_mask);
	at = atomic_load(tail) & mask;
	memset(&uring.requests[at], 0, sizeof(uring.requests[at]));
	uring.requests[at].opcode = operation;
	uring.requests[at].fd = fd;
	uring.requests[at].addr = (uint64_t)(uintptr_t)bytes;
	uring.requests[at].len = (uint32_t)count;
	((uint32_t *)(uring.rings + uring.params.sq_off.array))[at] = at;
	atomic_fetch_add(tail, 1);
	if (syscall(SYS_io_uring_enter, uring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -1;
	head = (void *)(uring.rings + uring.params.cq_off.head);
	mask = *(uint32_t *)(uring.rings + uring.params.cq_off.ring_mask);
	done = &((struct io_uring_cqe *)(uring.rings + uring.params.cq_off.cqes))[atomic_load(head) & mask];
	result = done->res;
	atomic_fetch_add(head, 1);
	if (result < 0) {
		errno = (int)-result;
		return -1;
	}
	return result;
}

ssize_t uring_send(int fd, const void *bytes, size_t count)
{
	return do_one(IORING_OP_SEND, fd, bytes, count);
}

ssize_t uring_receive(int fd, void *bytes, size_t count)
{
	return do_one(IORING_OP_RECV, fd, bytes, count);
}
