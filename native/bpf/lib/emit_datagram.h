/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_EMIT_DATAGRAM_H
#define SWORN_BPF_EMIT_DATAGRAM_H

/*
 * Whole datagrams into the ring. Each event says which flow it is of, so that it needs no other before it. What found no
 * room is in the sums of its flow, by which user space knows what is missing.
 */

#include "emit.h"

struct datagram {
	struct __sk_buff *packet;
	const struct sworn_udp_key *key;
	const struct sworn_udp_flow *flow;
	__u64 offset;
	__u32 payload_offset;
	__u32 bytes;
	__u32 direction;
};

/* `room`, known at compile time, is what the record has for the datagram. */
static __always_inline void emit_datagram_in(const struct datagram *datagram, const __u32 room)
{
	struct sworn_datagram_event *event;
	__u64 bytes = piece_bytes(datagram->bytes, room);

	if (!bytes)
		return;
	event = bpf_ringbuf_reserve(&events, sizeof(*event) + room, 0);
	if (!event) {
		count(SWORN_COUNTER_BYTES_RING_FULL, bytes);
		return;
	}
	begin_event(&event->event, SWORN_EVENT_DATAGRAM, 0, sizeof(*event) + bytes);
	event->flow = *datagram->key;
	event->process = datagram->flow->process;
	event->scope = datagram->flow->scope;
	event->flow_first_ns = datagram->flow->first_ns;
	event->offset = datagram->offset;
	__builtin_memcpy(event->local, datagram->flow->local, sizeof(event->local));
	event->local_port = datagram->flow->local_port;
	event->segment_bytes = datagram->packet->gso_size < datagram->bytes ? datagram->packet->gso_size : 0;
	event->direction = datagram->direction;
	event->bytes = datagram->bytes;
	event->kept_bytes = bytes;
	if (bpf_skb_load_bytes(datagram->packet, datagram->payload_offset, event->data, bytes)) {
		count(SWORN_COUNTER_BYTES_UNREADABLE, bytes);
		event->kept_bytes = 0;
		event->event.size = sizeof(*event);
	}
	bpf_ringbuf_submit(event, wake_flags());
}

static __always_inline void emit_datagram(const struct datagram *datagram)
{
	if (datagram->bytes > SWORN_BYTES_LARGE)
		emit_datagram_in(datagram, SWORN_DATAGRAM_BYTES_MAX);
	else if (datagram->bytes > SWORN_BYTES_MEDIUM)
		emit_datagram_in(datagram, SWORN_BYTES_LARGE);
	else if (datagram->bytes > SWORN_BYTES_SMALL)
		emit_datagram_in(datagram, SWORN_BYTES_MEDIUM);
	else if (datagram->bytes > SWORN_BYTES_TINY)
		emit_datagram_in(datagram, SWORN_BYTES_SMALL);
	else
		emit_datagram_in(datagram, SWORN_BYTES_TINY);
}

#endif
