/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_UDP_FLOW_H
#define SWORN_BPF_UDP_FLOW_H

/* Datagrams are counted for each address that a socket exchanges them with; those of DNS, by the port, are copied too. */

#include "emit.h"
#include "emit_datagram.h"
#include "packet.h"
#include "ways.h"

#define UDP_HEADER_BYTES 8
#define HTTPS_PORT 443
/* RFC 9000, 17.2: both upper bits of the first byte, then the version, of which 1, 2 and the drafts are known. */
#define QUIC_LONG_HEADER 0xc0
#define QUIC_VERSION_1 1
#define QUIC_VERSION_2 0x6b3343cf
#define QUIC_DRAFTS 0xff0000

/* The first packet of a flow: is it QUIC, by what it says, or by its port? Its version is 0 then. */
static __always_inline void look_for_quic(struct __sk_buff *packet, struct socket_state *state, struct packet_view *view,
					  __u16 remote_port, __u16 local_port)
{
	__u8 first[5] = {};
	__u32 version = 0;

	if (!bpf_skb_load_bytes(packet, view->transport_offset + UDP_HEADER_BYTES, first, sizeof(first)) &&
	    (first[0] & QUIC_LONG_HEADER) == QUIC_LONG_HEADER)
		version = (__u32)first[1] << 24 | first[2] << 16 | first[3] << 8 | first[4];
	if (version != QUIC_VERSION_1 && version != QUIC_VERSION_2 && version >> 8 != QUIC_DRAFTS) {
		if (remote_port != HTTPS_PORT && local_port != HTTPS_PORT)
			return;
		version = 0;
	}
	take_way(&state->process, &state->scope, SWORN_WAY_QUIC, version, remote_port);
}

static __always_inline int is_dns_port(__u16 port)
{
	return port == SWORN_PORT_DNS || port == SWORN_PORT_MDNS || port == SWORN_PORT_LLMNR;
}

static __always_inline void udp_moved(struct __sk_buff *packet, struct socket_state *state, struct packet_view *view,
				      int sent)
{
	struct sworn_udp_key key = {};
	struct sworn_udp_flow *flow;
	__be16 ports[2];
	__u64 offset;
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
		look_for_quic(packet, state, view, key.remote_port, first.local_port);
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
		offset = __sync_fetch_and_add(&flow->sent_bytes, bytes);
	} else {
		__sync_fetch_and_add(&flow->received_packets, 1);
		offset = __sync_fetch_and_add(&flow->received_bytes, bytes);
	}
	if (is_dns_port(key.remote_port) || is_dns_port(flow->local_port)) {
		struct datagram datagram = {
			.packet = packet,
			.key = &key,
			.flow = flow,
			.offset = offset,
			.payload_offset = view->transport_offset + UDP_HEADER_BYTES,
			.bytes = bytes,
			.direction = sent ? SWORN_DIRECTION_SENT : SWORN_DIRECTION_RECEIVED,
		};

		if (sent)
			look_at_pages(packet, state);
		emit_datagram(&datagram);
	}
}

#endif
