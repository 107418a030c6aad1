/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_IMAGE_H
#define SWORN_BPF_IMAGE_H

/* Programs and libraries that nobody has looked at yet, and the processes that have them. */

#include <bpf/bpf_core_read.h>

#include "../compat/inode.h"
#include "emit.h"
#include "kernel_types.h"
#include "path.h"
#include "process.h"

static __always_inline struct sworn_image_key image_key(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct sworn_image_key key = {
		.inode = BPF_CORE_READ(inode, i_ino),
		.device = BPF_CORE_READ(inode, i_sb, s_dev),
	};

	return key;
}

/* Known, and not changed since it was mapped first as such: an inode is used again for another file. */
static __always_inline int is_known(struct file *file, struct sworn_image_key *key)
{
	struct sworn_known_image *known = bpf_map_lookup_elem(&known_images, key);
	__u64 changed_ns;

	if (!known)
		return 0;
	changed_ns = inode_changed_ns(BPF_CORE_READ(file, f_inode));
	if (!known->changed_ns)
		known->changed_ns = changed_ns;
	return known->changed_ns == changed_ns;
}

/* Connections of this process wait from now on. Put anew and not changed in its place: the loader may take it out just now. */
static __always_inline void unsettle(__u32 tgid, __u64 now_ns)
{
	struct sworn_unsettled *before = bpf_map_lookup_elem(&unsettled, &tgid);
	struct sworn_unsettled value = {.since_ns = now_ns, .newest_ns = now_ns};

	/* The hold of all images together is bounded, however many come. */
	if (before && now_ns - before->since_ns < live.hold_ns)
		value.since_ns = before->since_ns;
	if (bpf_map_update_elem(&unsettled, &tgid, &value, BPF_ANY))
		count(SWORN_COUNTER_UNSETTLED_MAP_FULL, 0);
}

/* The path has been written to `path`. Rare, and the process waits for the answer: the reader is woken. */
static __always_inline void say_image(const struct sworn_process_key *process, const struct sworn_scope *scope,
				      const struct sworn_image_key *key, struct path_buffer *path, __u32 path_bytes,
				      __u16 flags)
{
	/* As much as a path may need: what is filled of it is in the event's size. */
	struct {
		struct sworn_image_event event;
		__u8 path[SWORN_PATH_BYTES_MAX];
	} *record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);
	struct sworn_image_event *event;

	if (!record) {
		count(SWORN_COUNTER_IMAGE_RING_FULL, 0);
		return;
	}
	event = &record->event;
	/* The compiler knows the bound; the verifier has to be shown it again. */
	asm volatile("" : "+r"(path_bytes));
	if (path_bytes > SWORN_PATH_BYTES_MAX)
		path_bytes = SWORN_PATH_BYTES_MAX;
	bpf_probe_read_kernel(record->path, path_bytes, path->bytes);
	begin_event(&event->event, SWORN_EVENT_IMAGE, flags, sizeof(*event) + path_bytes);
	event->process = *process;
	event->scope = *scope;
	event->inode = key->inode;
	event->device = key->device;
	event->path_bytes = path_bytes;
	event->zero = 0;
	if (live.hold_ns)
		unsettle(process->tgid, event->event.time_ns);
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

#endif
