/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_LOADER_CAPTURE_STATE_H
#define SWORN_LOADER_CAPTURE_STATE_H

/* What a capture holds; for the loader's own files. */

#include "../abi/settings.h"
#include "capture.h"
#include "sworn.skel.h"

struct sworn_ring {
	struct ring_buffer *reader;
	int epoll_fd;
	int wake_fd;
	/* The ring's positions: how much waits is known without a system call. */
	const uint64_t *consumer_position;
	const uint64_t *producer_position;
	/* Where the drain in progress writes. */
	uint8_t *drain_into;
	size_t drain_room;
	size_t drain_used;
};

struct sworn_capture {
	struct sworn_bpf *skeleton;
	struct bpf_link **links;
	size_t link_count;
	int cgroup_fd;
	struct sworn_ring ring;
};

int sworn_ring_open(struct sworn_ring *ring, int map_fd);
void sworn_ring_close(struct sworn_ring *ring);

#endif
