// SPDX-License-Identifier: Apache-2.0

/* What the programs do for the broker: note its callers, and turn connects to IMDS to it. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sys/stat.h>

#include "capture_state.h"

/* The network namespace of this process, as sockets have it. */
static int own_namespace(uint32_t *inode)
{
	struct stat found;

	if (stat("/proc/self/ns/net", &found))
		return -errno;
	*inode = (uint32_t)found.st_ino;
	return 0;
}

static int set_namespace(struct sworn_capture *capture)
{
	uint32_t inode = 0;
	int error = own_namespace(&inode);

	if (!error)
		__atomic_store_n(&capture->skeleton->bss->live.broker_namespace, inode, __ATOMIC_RELEASE);
	return error;
}

int sworn_capture_set_broker_ports(struct sworn_capture *capture, const uint16_t *ports, size_t count)
{
	__u16 *live = capture->skeleton->bss->live.broker_ports;
	int error;

	if (count > SWORN_BROKER_PORTS_MAX)
		return -ENOSPC;
	error = set_namespace(capture);
	if (error)
		return error;
	for (size_t i = 0; i < SWORN_BROKER_PORTS_MAX; i++)
		__atomic_store_n(&live[i], i < count ? ports[i] : 0, __ATOMIC_RELAXED);
	return 0;
}

void sworn_choose_redirect(struct sworn_bpf *skeleton, bool wanted)
{
	bpf_program__set_autoload(skeleton->progs.redirect_connect4, wanted);
	bpf_program__set_autoload(skeleton->progs.redirect_connect6, wanted);
	bpf_program__set_autoload(skeleton->progs.redirect_peer4, wanted);
	bpf_program__set_autoload(skeleton->progs.redirect_peer6, wanted);
}

void sworn_detach_redirect(struct sworn_capture *capture)
{
	for (size_t i = 0; i < SWORN_REDIRECT_PROGRAMS; i++) {
		bpf_link__destroy(capture->redirect_links[i]);
		capture->redirect_links[i] = NULL;
	}
}

static int attach_redirect(struct sworn_capture *capture)
{
	struct sworn_bpf *skeleton = capture->skeleton;
	/* Who asks for its peer must be answered before anybody is turned. */
	struct bpf_program *order[SWORN_REDIRECT_PROGRAMS] = {
		skeleton->progs.redirect_peer4,
		skeleton->progs.redirect_peer6,
		skeleton->progs.redirect_connect4,
		skeleton->progs.redirect_connect6,
	};

	for (size_t i = 0; i < SWORN_REDIRECT_PROGRAMS; i++) {
		if (capture->redirect_links[i])
			continue;
		capture->redirect_links[i] = bpf_program__attach_cgroup(order[i], capture->cgroup_fd);
		if (!capture->redirect_links[i]) {
			int error = -errno;

			sworn_detach_redirect(capture);
			return error;
		}
	}
	return 0;
}

static int is_among(uint32_t id, const uint32_t *selection_ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (selection_ids[i] == id)
			return 1;
	}
	return 0;
}

static int set_selections(struct sworn_capture *capture, const uint32_t *selection_ids, size_t count)
{
	int fd = bpf_map__fd(capture->skeleton->maps.redirects);
	uint32_t *previous = NULL, at, next;
	uint8_t here = 1;

	/* What stays is never out of the map: a connect in between would reach the metadata service of the host. */
	for (size_t i = 0; i < count; i++) {
		if (bpf_map_update_elem(fd, &selection_ids[i], &here, BPF_ANY))
			return -errno;
	}
	while (bpf_map_get_next_key(fd, previous, &next) == 0) {
		if (is_among(next, selection_ids, count)) {
			at = next;
			previous = &at;
		} else {
			bpf_map_delete_elem(fd, &next);
		}
	}
	return 0;
}

int sworn_capture_redirect_imds(struct sworn_capture *capture, uint16_t port, const uint32_t *selection_ids, size_t count)
{
	__u16 *live = &capture->skeleton->bss->live.imds_port;
	int error;

	if (!bpf_program__autoload(capture->skeleton->progs.redirect_connect4))
		return -ENOTSUP;
	if (!port || !count) {
		__atomic_store_n(live, 0, __ATOMIC_RELAXED);
		sworn_detach_redirect(capture);
		return set_selections(capture, NULL, 0);
	}
	error = set_namespace(capture);
	if (!error)
		error = set_selections(capture, selection_ids, count);
	if (error)
		return error;
	__atomic_store_n(live, port, __ATOMIC_RELAXED);
	return attach_redirect(capture);
}
