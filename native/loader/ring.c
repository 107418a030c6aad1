// SPDX-License-Identifier: Apache-2.0

/*
 * Events out of the ring: waiting for them, and copying them. Not by libbpf's own reader, which maps the data twice so
 * that no event is in two pieces: here all are copied anyway, and the second mapping would count as memory of the agent.
 */

#include <bpf/bpf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../abi/event.h"
#include "capture_state.h"

static size_t data_mapping_bytes(const struct sworn_ring *ring)
{
	return ring->page_bytes + ring->bytes;
}

int sworn_ring_open(struct sworn_ring *ring, int map_fd, size_t bytes)
{
	struct epoll_event interest = {.events = EPOLLIN};
	void *consumer, *producer;

	ring->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	ring->bytes = bytes;
	consumer = mmap(NULL, ring->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	ring->consumer_position = consumer;
	producer = mmap(NULL, data_mapping_bytes(ring), PROT_READ, MAP_SHARED, map_fd, (off_t)ring->page_bytes);
	if (producer == MAP_FAILED)
		return -errno;
	ring->producer_position = producer;
	ring->data = (const uint8_t *)producer + ring->page_bytes;
	ring->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ring->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (ring->wake_fd < 0 || ring->epoll_fd < 0)
		return -errno;
	if (epoll_ctl(ring->epoll_fd, EPOLL_CTL_ADD, ring->wake_fd, &interest))
		return -errno;
	/*
	 * Edge-triggered: a ring with events in it is always readable, and the wake is to come when much has gathered,
	 * not at the first event.
	 */
	interest.events = EPOLLIN | EPOLLET;
	if (epoll_ctl(ring->epoll_fd, EPOLL_CTL_ADD, map_fd, &interest))
		return -errno;
	return 0;
}

void sworn_ring_close(struct sworn_ring *ring)
{
	if (ring->consumer_position)
		munmap(ring->consumer_position, ring->page_bytes);
	if (ring->producer_position)
		munmap((void *)ring->producer_position, data_mapping_bytes(ring));
	if (ring->epoll_fd >= 0)
		close(ring->epoll_fd);
	if (ring->wake_fd >= 0)
		close(ring->wake_fd);
}

int sworn_capture_wait(struct sworn_capture *capture, int timeout_ms)
{
	struct epoll_event event;
	int count = epoll_wait(capture->ring.epoll_fd, &event, 1, timeout_ms);

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	if (count > 0) {
		uint64_t value;

		/* Not there unless it was the eventfd; then it has to be emptied. */
		if (read(capture->ring.wake_fd, &value, sizeof(value)) < 0 && errno != EAGAIN)
			return -errno;
	}
	return count;
}

void sworn_capture_wake(struct sworn_capture *capture)
{
	uint64_t one = 1;

	if (write(capture->ring.wake_fd, &one, sizeof(one)) < 0) {
		/* Full: it is awake already. */
	}
}

/* Bytes at a position, which may go on at the beginning of the ring. */
static void copy_out(const struct sworn_ring *ring, uint64_t position, uint8_t *into, size_t bytes)
{
	size_t at = position & (ring->bytes - 1);
	size_t first = ring->bytes - at < bytes ? ring->bytes - at : bytes;

	memcpy(into, ring->data + at, first);
	memcpy(into + first, ring->data, bytes - first);
}

/* A field of a record: aligned to its size, so in one piece. */
static uint32_t load_u32(const struct sworn_ring *ring, uint64_t position)
{
	const uint8_t *at = ring->data + (position & (ring->bytes - 1));

	return __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
}

ssize_t sworn_capture_drain(struct sworn_capture *capture, void *into, size_t room)
{
	struct sworn_ring *ring = &capture->ring;
	uint64_t position = sworn_capture_position(capture);
	uint64_t written = __atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE);
	size_t used = 0;

	if (room < SWORN_DRAIN_BYTES_MIN)
		return -EINVAL;
	while (position < written && room - used >= SWORN_DRAIN_BYTES_MIN) {
		uint32_t header = load_u32(ring, position);
		uint32_t bytes = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		uint64_t event = position + BPF_RINGBUF_HDR_SZ;

		/* Reserved, and not submitted yet: what is behind it has to wait. */
		if (header & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(header & BPF_RINGBUF_DISCARD_BIT)) {
			/* The record may be longer than what was filled; only that much is handed on. */
			size_t filled = load_u32(ring, event + offsetof(struct sworn_event, size));

			if (filled > bytes)
				filled = bytes;
			if (filled > SWORN_DRAIN_BYTES_MIN)
				return -EBADMSG;
			copy_out(ring, event, (uint8_t *)into + used, filled);
			used += (filled + 7) & ~(size_t)7;
		}
		position = event + ((bytes + 7) & ~7ULL);
		__atomic_store_n(ring->consumer_position, position, __ATOMIC_RELEASE);
	}
	return (ssize_t)used;
}

uint64_t sworn_capture_position(struct sworn_capture *capture)
{
	return __atomic_load_n(capture->ring.consumer_position, __ATOMIC_ACQUIRE);
}

void sworn_capture_ring_use(struct sworn_capture *capture, struct sworn_ring_use *use)
{
	uint64_t read = sworn_capture_position(capture);

	use->size_bytes = capture->ring.bytes;
	use->written_position = __atomic_load_n(capture->ring.producer_position, __ATOMIC_ACQUIRE);
	use->waiting_bytes = use->written_position - read;
}
