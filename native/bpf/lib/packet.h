/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_PACKET_H
#define SWORN_BPF_PACKET_H

/* Where things are in a packet that begins with its IP header, as it passes the cgroup boundary. */

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define PROTOCOL_MPTCP 262

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

struct packet_view {
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	__u8 family;
	__u8 protocol;
	__u8 tcp_flags;
	__u32 transport_offset;
	__u32 payload_offset;
	__u32 payload_bytes;
	/* Of the first byte of payload; after the SYN, which takes one. */
	__u32 sequence;
	__u32 acknowledged;
};

struct ip4_header {
	__u8 version_length;
	__u8 service;
	__be16 total_bytes;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__be16 check;
	__u8 source[4];
	__u8 destination[4];
};

struct ip6_header {
	__u8 version_class;
	__u8 flow[3];
	__be16 payload_bytes;
	__u8 next;
	__u8 hops;
	__u8 source[16];
	__u8 destination[16];
};

struct tcp_header {
	__be16 source;
	__be16 destination;
	__be32 sequence;
	__be32 acknowledged;
	__u8 offset_bits;
	__u8 flags;
	__be16 window;
};

#define IP6_EXTENSIONS_MAX 6

/* Skips IPv6 extension headers; returns the offset of the transport header, 0 for something else. */
static __always_inline __u32 skip_ip6_extensions(struct __sk_buff *packet, __u8 *next)
{
	__u32 offset = sizeof(struct ip6_header);

	for (int i = 0; i < IP6_EXTENSIONS_MAX; i++) {
		struct {
			__u8 next;
			__u8 length;
		} extension;

		if (*next == PROTOCOL_TCP || *next == PROTOCOL_UDP)
			return offset;
		/* Hop-by-hop, routing, destination options; fragments and the rest never carry a whole TCP segment. */
		if (*next != 0 && *next != 43 && *next != 60)
			return 0;
		if (bpf_skb_load_bytes(packet, offset, &extension, sizeof(extension)))
			return 0;
		*next = extension.next;
		offset += ((__u32)extension.length + 1) * 8;
	}
	return 0;
}

/* Reads the headers up to the transport. Returns 0, or -1 for what is neither TCP nor UDP or cannot be read. */
static __always_inline int view_packet(struct __sk_buff *packet, struct packet_view *view, int sent)
{
	__u8 version;

	if (bpf_skb_load_bytes(packet, 0, &version, 1))
		return -1;
	version >>= 4;
	if (version == 4) {
		struct ip4_header ip;

		if (bpf_skb_load_bytes(packet, 0, &ip, sizeof(ip)))
			return -1;
		view->family = 4;
		view->protocol = ip.protocol;
		view->transport_offset = (ip.version_length & 0xf) * 4;
		__builtin_memcpy(view->local, sent ? ip.source : ip.destination, 4);
		__builtin_memcpy(view->remote, sent ? ip.destination : ip.source, 4);
	} else if (version == 6) {
		struct ip6_header ip;

		if (bpf_skb_load_bytes(packet, 0, &ip, sizeof(ip)))
			return -1;
		view->family = 6;
		view->protocol = ip.next;
		view->transport_offset = skip_ip6_extensions(packet, &view->protocol);
		if (!view->transport_offset)
			return -1;
		__builtin_memcpy(view->local, sent ? ip.source : ip.destination, 16);
		__builtin_memcpy(view->remote, sent ? ip.destination : ip.source, 16);
	} else {
		return -1;
	}
	/* What left through an encrypting tunnel (ESP) shows neither. */
	return view->protocol == PROTOCOL_TCP || view->protocol == PROTOCOL_UDP ? 0 : -1;
}

static __always_inline int view_tcp(struct __sk_buff *packet, struct packet_view *view, int sent)
{
	struct tcp_header tcp;

	if (bpf_skb_load_bytes(packet, view->transport_offset, &tcp, sizeof(tcp)))
		return -1;
	view->local_port = bpf_ntohs(sent ? tcp.source : tcp.destination);
	view->remote_port = bpf_ntohs(sent ? tcp.destination : tcp.source);
	view->sequence = bpf_ntohl(tcp.sequence);
	view->acknowledged = bpf_ntohl(tcp.acknowledged);
	view->tcp_flags = tcp.flags;
	view->payload_offset = view->transport_offset + (tcp.offset_bits >> 4) * 4;
	/* The packet's own length, not the header's: that is 0 for segments above 64 KiB. */
	view->payload_bytes = packet->len > view->payload_offset ? packet->len - view->payload_offset : 0;
	if (tcp.flags & TCP_SYN)
		view->sequence++;
	return 0;
}

#endif
