/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_UDP_FLOW_H
#define SWORN_BPF_UDP_FLOW_H

/* Datagrams are counted for each address that a socket exchanges them with; they are not copied. */

#include "emit.h"
#include "packet.h"

#define UDP_HEADER_BYTES 8

static __always_inline void udp_moved(struct __sk_buff *packet, struct socket_state *state, struct packet_view *view,
				      int sent)
{
	struct sworn_udp_key key = {};
	struct sworn_udp_flow *flow;
	__be16 ports[2];
	__u32 bytes;

	if (bpf_skb_load_bytes(packet, view->transport_offset, ports, sizeof(ports)))
		return;
	bytes = packet->len - view->transport_offset;
	bytes = bytes > UDP_HEADER_BYTES ? bytes - UDP_HEADER_BYTES : 0;
	key.cookie = bpf_get_socket_cookie(packet);
	__builtin_memcpy(key.remote, view->remote, sizeof(key.remote));
	key.remote_port = bpf_ntohs(sent ? ports[1] : ports[0]);
	key.family = view->family;
	flow = bpf_map_lookup_elem(&udp_flows, &key);
	if (!flow) {
		struct sworn_udp_flow first = {
			.scope = state->scope,
			.process = state->process,
			.first_ns = bpf_ktime_get_boot_ns(),
			.local_port = bpf_ntohs(sent ? ports[0] : ports[1]),
		};

		__builtin_memcpy(first.local, view->local, sizeof(first.local));
		bpf_map_update_elem(&udp_flows, &key, &first, BPF_NOEXIST);
		flow = bpf_map_lookup_elem(&udp_flows, &key);
		if (!flow) {
			count(SWORN_COUNTER_UDP_MAP_FULL, bytes);
			return;
		}
	}
	flow->last_ns = bpf_ktime_get_boot_ns();
	if (sent) {
		__sync_fetch_and_add(&flow->sent_packets, 1);
		__sync_fetch_and_add(&flow->sent_bytes, bytes);
	} else {
		__sync_fetch_and_add(&flow->received_packets, 1);
		__sync_fetch_and_add(&flow->received_bytes, bytes);
	}
}

#endif
