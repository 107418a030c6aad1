/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_EMIT_BYTES_H
#define SWORN_BPF_EMIT_BYTES_H

/*
 * Bytes of a connection into the ring, in records of a few fixed sizes: a reservation must have a size that the
 * verifier knows, and copying twice through a buffer of our own would cost more than the slack of the last record.
 */

#include "emit.h"

struct bytes_walk {
	/* What the pieces are copied from: a packet, or memory of the current process. */
	struct __sk_buff *packet;
	unsigned long user_address;
	__u32 packet_offset;

	__u64 connection;
	__u64 offset;
	__u32 remaining;
	__u32 tgid;
	__u32 direction;
	__u32 dropped;
	/* As the event has them. */
	__u32 ahead;
	__u64 other_offset;
	/* Equal for all pieces of one segment or call. */
	__u64 time_ns;
};

/* Says that `bytes` from where the walk stands will not come. When even that does not fit, the next offset tells. */
static __always_inline void emit_gap(struct bytes_walk *walk, __u32 bytes, __u32 reason)
{
	struct sworn_gap_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return;
	event->event.type = SWORN_EVENT_GAP;
	event->event.flags = 0;
	event->event.size = sizeof(*event);
	event->event.time_ns = walk->time_ns;
	event->connection = walk->connection;
	event->offset = walk->offset;
	event->direction = walk->direction;
	event->bytes = bytes;
	event->reason = reason;
	event->zero = 0;
	bpf_ringbuf_submit(event, wake_flags());
}

/* One piece of at most `room` bytes, `room` known at compile time. Returns what it took off `remaining`. */
static __always_inline __u32 emit_piece(struct bytes_walk *walk, const __u32 room, const int from_packet)
{
	struct sworn_bytes_event *event;
	__u64 bytes = piece_bytes(walk->remaining, room);
	long failed;

	if (!bytes)
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event) + room, 0);
	if (!event) {
		count(SWORN_COUNTER_BYTES_RING_FULL, bytes);
		walk->dropped += bytes;
		return bytes;
	}
	if (from_packet)
		failed = bpf_skb_load_bytes(walk->packet, walk->packet_offset, event->data, bytes);
	else
		failed = bpf_probe_read_user(event->data, bytes, (void *)walk->user_address);
	if (failed) {
		count(from_packet ? SWORN_COUNTER_BYTES_UNREADABLE : SWORN_COUNTER_UNIX_UNREADABLE, bytes);
		walk->dropped += bytes;
		bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
		emit_gap(walk, bytes, SWORN_GAP_REASON_UNREADABLE);
		return bytes;
	}
	event->event.type = SWORN_EVENT_BYTES;
	event->event.flags = 0;
	event->event.size = sizeof(*event) + bytes;
	event->event.time_ns = walk->time_ns;
	event->connection = walk->connection;
	event->offset = walk->offset;
	event->tgid = walk->tgid;
	event->bytes = bytes;
	event->direction = walk->direction;
	event->ahead = walk->ahead;
	event->other_offset = walk->other_offset;
	bpf_ringbuf_submit(event, wake_flags());
	return bytes;
}

static __always_inline long emit_next_piece(struct bytes_walk *walk, const int from_packet)
{
	__u32 taken;

	if (walk->remaining > SWORN_BYTES_MEDIUM)
		taken = emit_piece(walk, SWORN_BYTES_LARGE, from_packet);
	else if (walk->remaining > SWORN_BYTES_SMALL)
		taken = emit_piece(walk, SWORN_BYTES_MEDIUM, from_packet);
	else if (walk->remaining > SWORN_BYTES_TINY)
		taken = emit_piece(walk, SWORN_BYTES_SMALL, from_packet);
	else
		taken = emit_piece(walk, SWORN_BYTES_TINY, from_packet);
	walk->remaining -= taken;
	walk->offset += taken;
	/* The pieces of a segment in order are in order; those of one ahead are further and further ahead. */
	if (walk->ahead)
		walk->ahead += taken;
	walk->packet_offset += taken;
	walk->user_address += taken;
	return walk->remaining == 0;
}

#endif
