// SPDX-License-Identifier: Apache-2.0

/* Events out of the ring: waiting for them, and copying them. */

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture_state.h"

static int copy_event(void *context, void *event, size_t bytes)
{
	struct sworn_ring *ring = context;
	/* The record may be longer than what was filled; only that much is handed on. */
	size_t filled = ((struct sworn_event *)event)->size;

	if (filled > bytes)
		filled = bytes;
	memcpy(ring->drain_into + ring->drain_used, event, filled);
	ring->drain_used += (filled + 7) & ~(size_t)7;
	/* libbpf counts this event as consumed either way; stop while any further one still fits. */
	return ring->drain_room - ring->drain_used < SWORN_DRAIN_BYTES_MIN ? -ENOBUFS : 0;
}

int sworn_ring_open(struct sworn_ring *ring, int map_fd)
{
	struct epoll_event interest = {.events = EPOLLIN};
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *consumer, *producer;

	ring->reader = ring_buffer__new(map_fd, copy_event, ring, NULL);
	if (!ring->reader)
		return -errno;
	consumer = mmap(NULL, page, PROT_READ, MAP_SHARED, map_fd, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	ring->consumer_position = consumer;
	producer = mmap(NULL, page, PROT_READ, MAP_SHARED, map_fd, (off_t)page);
	if (producer == MAP_FAILED)
		return -errno;
	ring->producer_position = producer;
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
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (ring->consumer_position)
		munmap((void *)ring->consumer_position, page);
	if (ring->producer_position)
		munmap((void *)ring->producer_position, page);
	ring_buffer__free(ring->reader);
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

ssize_t sworn_capture_drain(struct sworn_capture *capture, void *into, size_t room)
{
	int result;

	if (room < SWORN_DRAIN_BYTES_MIN)
		return -EINVAL;
	capture->ring.drain_into = into;
	capture->ring.drain_room = room;
	capture->ring.drain_used = 0;
	result = ring_buffer__consume(capture->ring.reader);
	if (result < 0 && result != -ENOBUFS)
		return result;
	return (ssize_t)capture->ring.drain_used;
}

uint64_t sworn_capture_position(struct sworn_capture *capture)
{
	return __atomic_load_n(capture->ring.consumer_position, __ATOMIC_ACQUIRE);
}

void sworn_capture_ring_use(struct sworn_capture *capture, struct sworn_ring_use *use)
{
	uint64_t read = sworn_capture_position(capture);

	use->size_bytes = bpf_map__max_entries(capture->skeleton->maps.events);
	use->written_position = __atomic_load_n(capture->ring.producer_position, __ATOMIC_ACQUIRE);
	use->waiting_bytes = use->written_position - read;
}
