/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_HANDSHAKE_H
#define SWORN_BPF_HANDSHAKE_H

/*
 * Bytes that come with a handshake pass the boundary on the listener: the socket of their connection is made only
 * after. They travel with their addresses, and only when TCP is about to take them, by the same checks; so nobody can
 * write into the record of a connection by sending segments to its listener.
 */

#include <bpf/bpf_core_read.h>

#include "emit.h"
#include "kernel_types.h"
#include "packet.h"

/* The window of a SYN-ACK: it is never scaled. */
#define HANDSHAKE_WINDOW_BYTES 65535

static __always_inline struct bpf_sock *socket_of_packet(struct __sk_buff *packet, struct packet_view *view)
{
	struct bpf_sock_tuple tuple = {};

	if (view->family == 4) {
		__builtin_memcpy(&tuple.ipv4.saddr, view->remote, 4);
		__builtin_memcpy(&tuple.ipv4.daddr, view->local, 4);
		tuple.ipv4.sport = bpf_htons(view->remote_port);
		tuple.ipv4.dport = bpf_htons(view->local_port);
		return bpf_skc_lookup_tcp(packet, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	}
	__builtin_memcpy(tuple.ipv6.saddr, view->remote, 16);
	__builtin_memcpy(tuple.ipv6.daddr, view->local, 16);
	tuple.ipv6.sport = bpf_htons(view->remote_port);
	tuple.ipv6.dport = bpf_htons(view->local_port);
	return bpf_skc_lookup_tcp(packet, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
}

/* Does this segment end a handshake that is under way? */
static __always_inline int ends_handshake(struct __sk_buff *packet, struct packet_view *view)
{
	struct bpf_sock *sk = socket_of_packet(packet, view);
	struct tcp_request_sock *request;
	int ends = 0;

	if (!sk)
		return 0;
	request = bpf_skc_to_tcp_request_sock(sk);
	if (request)
		ends = view->acknowledged == request->snt_isn + 1 &&
		       view->sequence - (request->rcv_isn + 1) <= HANDSHAKE_WINDOW_BYTES;
	bpf_sk_release(sk);
	return ends;
}

struct early_walk {
	struct __sk_buff *packet;
	struct packet_view *view;
	__u32 network_namespace;
	__u32 taken;
	__u16 flags;
};

static long emit_early_piece(__u32 index, struct early_walk *walk)
{
	struct sworn_early_bytes_event *event;
	struct packet_view *view = walk->view;
	__u64 bytes = piece_bytes(view->payload_bytes - walk->taken, SWORN_BYTES_MEDIUM);

	if (!bytes)
		return 1;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count(SWORN_COUNTER_BYTES_RING_FULL, bytes);
	} else if (bpf_skb_load_bytes(walk->packet, view->payload_offset + walk->taken, event->data, bytes)) {
		count(SWORN_COUNTER_BYTES_UNREADABLE, bytes);
		bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
	} else {
		begin_event(&event->event, SWORN_EVENT_EARLY_BYTES, walk->flags,
			    offsetof(struct sworn_early_bytes_event, data) + bytes);
		__builtin_memset(&event->addresses, 0, sizeof(event->addresses));
		__builtin_memcpy(event->addresses.local, view->local, 16);
		__builtin_memcpy(event->addresses.remote, view->remote, 16);
		event->addresses.local_port = view->local_port;
		event->addresses.remote_port = view->remote_port;
		event->addresses.family = view->family;
		event->addresses.transport = SWORN_TRANSPORT_TCP;
		event->addresses.role = SWORN_ROLE_SERVER;
		event->addresses.network_namespace = walk->network_namespace;
		event->sequence = view->sequence + walk->taken;
		event->bytes = bytes;
		bpf_ringbuf_submit(event, wake_flags());
	}
	walk->taken += bytes;
	return 0;
}

static __always_inline void early_bytes(struct __sk_buff *packet, struct packet_view *view, struct tcp_sock *listener)
{
	struct early_walk walk = {.packet = packet, .view = view};

	if (!view->payload_bytes || (view->tcp_flags & TCP_RST))
		return;
	if (view->tcp_flags & TCP_SYN) {
		/* Fast Open; whether TCP takes them shows when the connection opens. */
		if (!BPF_CORE_READ(listener, inet_conn.icsk_accept_queue.fastopenq.max_qlen))
			return;
		walk.flags = SWORN_FLAG_WITH_SYN;
	} else if (!(view->tcp_flags & TCP_ACK) || !ends_handshake(packet, view)) {
		count(SWORN_COUNTER_REFUSED, view->payload_bytes);
		return;
	}
	walk.network_namespace = BPF_CORE_READ(listener, inet_conn.icsk_inet.sk.__sk_common.skc_net.net, ns.inum);
	bpf_loop(SWORN_EARLY_PIECES_MAX, emit_early_piece, &walk, 0);
	if (walk.taken < view->payload_bytes)
		count(SWORN_COUNTER_SEGMENT_TOO_LARGE, view->payload_bytes - walk.taken);
}

#endif
