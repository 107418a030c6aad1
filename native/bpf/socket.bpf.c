// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * TCP and UDP of workloads.
 *
 * Who owns a socket is settled in process context, when it connects, listens or is made, and kept in the socket's own
 * storage. Its bytes are then read at the cgroup boundary, where every segment passes whatever call sent it: what really
 * left and what really came, with sequence numbers. Sockets without that storage leave after one lookup.
 */

#include "lib/maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include "lib/connection.h"
#include "lib/emit.h"
#include "lib/emit_bytes.h"
#include "lib/kernel_types.h"

#define PASS 1
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define TCP_FIN 0x01
#define TCP_SYN 0x02
/* Segments are looked at up to this far beyond the offered window: a window probe may stand one byte outside. */
#define WINDOW_SLACK_BYTES 1

static __always_inline struct sworn_process_key current_process(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct sworn_process_key key = {
		.tgid = current_tgid(),
		.start_ns = BPF_CORE_READ(task, group_leader, start_boottime),
	};

	return key;
}

static __always_inline struct socket_state *new_state(struct sock *sk)
{
	struct socket_state *state = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (!state)
		count(SWORN_COUNTER_SOCKET_STORAGE, 0);
	return state;
}

/* A connect begins, in the context of the process that connects. */
static __always_inline void connect_begins(struct sock *sk)
{
	__u16 port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	struct sworn_process_state *process = watched_process(current_tgid());
	struct socket_state *state;
	__u32 uses = 0;

	if (!process && (!live.broker_port || port != live.broker_port))
		return;
	state = new_state(sk);
	if (!state)
		return;
	/* The socket was used before: that connection ends here. */
	if (state->connection && !(state->flags & (SOCKET_CLOSED | SOCKET_LISTENER | SOCKET_CALLER_ONLY)))
		say_closed(sk, state);
	uses = state->connection ? state->uses + 1 : 0;
	__builtin_memset(state, 0, sizeof(*state));
	state->uses = uses;
	state->connection = connection_number(bpf_get_socket_cookie(sk), uses);
	state->process = current_process();
	state->started_ns = bpf_ktime_get_boot_ns();
	state->received_fin = -1ULL;
	state->role = SWORN_ROLE_CLIENT;
	state->uid = bpf_get_current_uid_gid();
	if (process)
		state->scope = process->scope;
	else
		state->flags |= SOCKET_CALLER_ONLY;
}

static __always_inline void listen_begins(struct sock *sk)
{
	struct sworn_process_state *process = watched_process(current_tgid());
	struct socket_state *state;

	if (!process)
		return;
	state = new_state(sk);
	if (!state)
		return;
	__builtin_memset(state, 0, sizeof(*state));
	state->scope = process->scope;
	state->process = current_process();
	state->flags = SOCKET_LISTENER;
	state->role = SWORN_ROLE_SERVER;
}

static __always_inline void note_caller(struct sock *sk, struct socket_state *state)
{
	struct sworn_addresses addresses;
	struct sworn_caller_key key = {};
	struct sworn_caller caller = {};

	read_addresses(sk, &addresses, SWORN_TRANSPORT_TCP, SWORN_ROLE_CLIENT);
	if (addresses.remote_port != live.broker_port)
		return;
	__builtin_memcpy(key.address, addresses.local, sizeof(key.address));
	key.port = addresses.local_port;
	key.family = addresses.family;
	caller.process = state->process;
	caller.scope = state->scope;
	caller.connection = state->connection;
	caller.uid = state->uid;
	caller.network_namespace = addresses.network_namespace;
	bpf_map_update_elem(&callers, &key, &caller, BPF_ANY);
}

static __always_inline void connection_opens(struct sock *sk, struct socket_state *state)
{
	const struct tcp_sock *tcp = (const struct tcp_sock *)sk;

	if (state->flags & SOCKET_LISTENER) {
		/* Accepted: the state was cloned from the listener. */
		state->flags = 0;
		state->connection = connection_number(bpf_get_socket_cookie(sk), 0);
		state->started_ns = bpf_ktime_get_boot_ns();
		state->received_fin = -1ULL;
	}
	/* The SYN told it already, unless it was not seen; data that went with the SYN is in write_seq by now. */
	if (!(state->flags & SOCKET_BASE_KNOWN))
		state->sent_base = BPF_CORE_READ(tcp, write_seq);
	state->received_base = BPF_CORE_READ(tcp, copied_seq);
	state->flags |= SOCKET_OPENED | SOCKET_BASE_KNOWN;
	if (live.broker_port)
		note_caller(sk, state);
	if (!(state->flags & SOCKET_CALLER_ONLY))
		announce(sk, state);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_state_changes, struct sock *sk, int from, int to)
{
	struct socket_state *state;

	if (passive)
		return 0;
	if (BPF_CORE_READ(sk, sk_protocol) != PROTOCOL_TCP)
		return 0;
	if (to == TCP_STATE_SYN_SENT) {
		connect_begins(sk);
		return 0;
	}
	if (to == TCP_STATE_LISTEN) {
		listen_begins(sk);
		return 0;
	}
	state = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (!state)
		return 0;
	switch (to) {
	case TCP_STATE_ESTABLISHED:
		if (from == TCP_STATE_SYN_SENT || from == TCP_STATE_SYN_RECV)
			connection_opens(sk, state);
		break;
	case TCP_STATE_FIN_WAIT1:
	case TCP_STATE_LAST_ACK:
		state->flags |= SOCKET_FIN_SENT;
		break;
	case TCP_STATE_CLOSE:
		if (state->flags & (SOCKET_LISTENER | SOCKET_CALLER_ONLY | SOCKET_CLOSED))
			break;
		if (state->flags & SOCKET_OPENED) {
			const struct tcp_sock *tcp = (const struct tcp_sock *)sk;

			/* Not the end yet: the program may go on reading. */
			state->final_write_seq = BPF_CORE_READ(tcp, write_seq);
			state->final_snd_nxt = BPF_CORE_READ(tcp, snd_nxt);
		} else if (from == TCP_STATE_SYN_SENT) {
			say_closed(sk, state);
		}
		break;
	}
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(socket_ends, struct sock *sk)
{
	struct socket_state *state;

	if (passive)
		return 0;
	state = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (!state || !(state->flags & SOCKET_OPENED))
		return 0;
	if (state->flags & (SOCKET_CLOSED | SOCKET_CALLER_ONLY))
		return 0;
	announce(sk, state);
	say_closed(sk, state);
	return 0;
}

/* UDP sockets have no states: they are known from the moment they are made. */
SEC("cgroup/sock_create")
int socket_made(struct bpf_sock *sk)
{
	struct sworn_process_state *process;
	struct socket_state *state;

	if (passive || sk->protocol != PROTOCOL_UDP)
		return PASS;
	process = watched_process(current_tgid());
	if (!process)
		return PASS;
	state = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!state) {
		count(SWORN_COUNTER_SOCKET_STORAGE, 0);
		return PASS;
	}
	state->scope = process->scope;
	state->process = current_process();
	state->started_ns = bpf_ktime_get_boot_ns();
	return PASS;
}

/* Where things are in a packet that begins with its IP header. */
struct packet_view {
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	__u8 family;
	__u8 protocol;
	__u32 transport_offset;
	__u32 payload_offset;
	__u32 payload_bytes;
	__u32 sequence;
	__u8 tcp_flags;
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
	return 0;
}

static __always_inline int view_tcp(struct __sk_buff *packet, struct packet_view *view, int sent)
{
	struct tcp_header tcp;

	if (bpf_skb_load_bytes(packet, view->transport_offset, &tcp, sizeof(tcp)))
		return -1;
	view->local_port = bpf_ntohs(sent ? tcp.source : tcp.destination);
	view->remote_port = bpf_ntohs(sent ? tcp.destination : tcp.source);
	view->sequence = bpf_ntohl(tcp.sequence);
	view->tcp_flags = tcp.flags;
	view->payload_offset = view->transport_offset + (tcp.offset_bits >> 4) * 4;
	/* The packet's own length, not the header's: that is 0 for segments above 64 KiB. */
	view->payload_bytes = packet->len > view->payload_offset ? packet->len - view->payload_offset : 0;
	/* A SYN takes a sequence number before the data. */
	if (tcp.flags & TCP_SYN)
		view->sequence++;
	return 0;
}

static long emit_packet_piece(__u32 index, struct bytes_walk *walk)
{
	return emit_next_piece(walk, 1);
}

/* Part of [offset, offset + bytes) that the agent said it can do without is counted and not copied. */
static __always_inline int wanted(struct socket_state *state, __u64 offset, __u32 bytes, int sent)
{
	struct sworn_skip *skip;

	if (!live.skips)
		return 1;
	skip = bpf_map_lookup_elem(&skips, &state->connection);
	if (!skip)
		return 1;
	if (sent ? offset < skip->sent_from || offset + bytes > skip->sent_to :
		   offset < skip->received_from || offset + bytes > skip->received_to)
		return 1;
	count(SWORN_COUNTER_COPY_SKIPPED, bytes);
	return 0;
}

static __always_inline void emit_segment(struct __sk_buff *packet, struct socket_state *state, struct packet_view *view,
					 __u64 offset, __u32 skip, int sent, __u32 tgid)
{
	struct bytes_walk walk = {
		.packet = packet,
		.packet_offset = view->payload_offset + skip,
		.connection = state->connection,
		.offset = offset + skip,
		.remaining = view->payload_bytes - skip,
		.tgid = tgid,
		.direction = sent ? SWORN_DIRECTION_SENT : SWORN_DIRECTION_RECEIVED,
		.time_ns = bpf_ktime_get_boot_ns(),
	};

	if (!wanted(state, walk.offset, walk.remaining, sent)) {
		emit_gap(&walk, walk.remaining, SWORN_GAP_REASON_SKIPPED);
		return;
	}
	/* Nearly every segment is one piece. */
	if (!emit_next_piece(&walk, 1))
		bpf_loop(SWORN_SEGMENT_PIECES_MAX, emit_packet_piece, &walk, 0);
	if (walk.remaining) {
		count(SWORN_COUNTER_SEGMENT_TOO_LARGE, walk.remaining);
		emit_gap(&walk, walk.remaining, SWORN_GAP_REASON_TOO_LARGE);
		walk.dropped += walk.remaining;
	}
	if (walk.dropped) {
		if (sent)
			__sync_fetch_and_add(&state->dropped_sent_bytes, walk.dropped);
		else
			__sync_fetch_and_add(&state->dropped_received_bytes, walk.dropped);
	}
}

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
	bytes = bytes > 8 ? bytes - 8 : 0;
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

static __always_inline void tcp_sent(struct __sk_buff *packet, struct socket_state *state, struct packet_view *view,
				     struct tcp_sock *tcp)
{
	__u32 tgid = 0, skip = 0;
	__u64 offset, end;

	if (view->tcp_flags & TCP_SYN) {
		state->sent_base = view->sequence;
		state->flags |= SOCKET_BASE_KNOWN;
	}
	if (!view->payload_bytes || (state->flags & SOCKET_CALLER_ONLY))
		return;
	offset = offset_of(view->sequence, state->sent_base, state->sent_next);
	end = offset + view->payload_bytes;
	if ((__s64)(end - state->sent_next) <= 0) {
		count(SWORN_COUNTER_RETRANSMITTED, view->payload_bytes);
		return;
	}
	if ((__s64)(state->sent_next - offset) > 0)
		skip = state->sent_next - offset;
	state->sent_next = end;
	if (!announce(&tcp->inet_conn.icsk_inet.sk, state)) {
		count(SWORN_COUNTER_BYTES_RING_FULL, view->payload_bytes - skip);
		__sync_fetch_and_add(&state->dropped_sent_bytes, view->payload_bytes - skip);
		return;
	}
	/*
	 * A socket that a process has locked is sent from in that process; otherwise this is an interrupt that borrowed
	 * whatever process ran.
	 */
	if (tcp->inet_conn.icsk_inet.sk.sk_lock.owned) {
		tgid = current_tgid();
		if (tgid != state->process.tgid) {
			struct sworn_process_state *process = watched_process(tgid);

			if (process) {
				state->process.tgid = tgid;
				state->process.start_ns = process->start_ns;
			}
		}
	}
	emit_segment(packet, state, view, offset, skip, 1, tgid);
}

struct early_walk {
	struct __sk_buff *packet;
	struct packet_view *view;
	__u32 taken;
};

static long emit_early_piece(__u32 index, struct early_walk *walk)
{
	struct sworn_early_bytes_event *event;
	struct packet_view *view = walk->view;
	__u32 bytes = view->payload_bytes - walk->taken;

	if (bytes > SWORN_BYTES_MEDIUM)
		bytes = SWORN_BYTES_MEDIUM;
	if (bytes == 0)
		return 1;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count(SWORN_COUNTER_BYTES_RING_FULL, bytes);
	} else if (bpf_skb_load_bytes(walk->packet, view->payload_offset + walk->taken, event->data, bytes)) {
		count(SWORN_COUNTER_BYTES_UNREADABLE, bytes);
		bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
	} else {
		begin_event(&event->event, SWORN_EVENT_EARLY_BYTES, 0,
			    offsetof(struct sworn_early_bytes_event, data) + bytes);
		__builtin_memset(&event->addresses, 0, sizeof(event->addresses));
		__builtin_memcpy(event->addresses.local, view->local, 16);
		__builtin_memcpy(event->addresses.remote, view->remote, 16);
		event->addresses.local_port = view->local_port;
		event->addresses.remote_port = view->remote_port;
		event->addresses.family = view->family;
		event->addresses.transport = SWORN_TRANSPORT_TCP;
		event->addresses.role = SWORN_ROLE_SERVER;
		event->sequence = view->sequence + walk->taken;
		event->bytes = bytes;
		bpf_ringbuf_submit(event, wake_flags());
	}
	walk->taken += bytes;
	return 0;
}

/* The connection that these belong to has no number yet: they travel with their addresses. */
static __always_inline void early_bytes(struct __sk_buff *packet, struct packet_view *view)
{
	struct early_walk walk = {.packet = packet, .view = view};

	if (!view->payload_bytes)
		return;
	bpf_loop(SWORN_EARLY_PIECES_MAX, emit_early_piece, &walk, 0);
	if (walk.taken < view->payload_bytes)
		count(SWORN_COUNTER_SEGMENT_TOO_LARGE, view->payload_bytes - walk.taken);
}

static __always_inline void tcp_received(struct __sk_buff *packet, struct socket_state *state, struct packet_view *view,
					 struct tcp_sock *tcp)
{
	__u64 offset, end, accepted, edge;
	__u32 skip = 0;

	if (state->flags & SOCKET_CALLER_ONLY)
		return;
	if (state->flags & SOCKET_LISTENER) {
		/* Data with the last segment of the handshake: its connection is made only after this. */
		early_bytes(packet, view);
		return;
	}
	if (!(state->flags & SOCKET_OPENED))
		return;
	offset = offset_of(view->sequence, state->received_base, state->received_next);
	end = offset + view->payload_bytes;
	accepted = offset_of(tcp->rcv_nxt, state->received_base, state->received_next);
	edge = offset_of(tcp->rcv_wup + tcp->rcv_wnd, state->received_base, state->received_next);
	if ((__s64)(end - edge) > WINDOW_SLACK_BYTES) {
		/* TCP will refuse it; were it recorded, an outsider could write into the record. */
		count(SWORN_COUNTER_OUT_OF_WINDOW, view->payload_bytes);
		return;
	}
	if (view->tcp_flags & TCP_FIN)
		state->received_fin = end;
	if (!view->payload_bytes)
		return;
	if ((__s64)(end - accepted) <= 0) {
		count(SWORN_COUNTER_RETRANSMITTED, view->payload_bytes);
		return;
	}
	if ((__s64)(accepted - offset) > 0)
		skip = accepted - offset;
	if ((__s64)(end - state->received_next) > 0)
		state->received_next = end;
	if (!announce(&tcp->inet_conn.icsk_inet.sk, state)) {
		count(SWORN_COUNTER_BYTES_RING_FULL, view->payload_bytes - skip);
		__sync_fetch_and_add(&state->dropped_received_bytes, view->payload_bytes - skip);
		return;
	}
	emit_segment(packet, state, view, offset, skip, 0, 0);
}

static __always_inline int packet_passes(struct __sk_buff *packet, int sent)
{
	struct packet_view view = {};
	struct socket_state *state;
	struct bpf_sock *sk = packet->sk;
	struct tcp_sock *tcp;

	if (passive || !sk)
		return PASS;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return PASS;
	state = bpf_sk_storage_get(&sockets, sk, 0, 0);
	/* Outsiders leave here. */
	if (!state)
		return PASS;
	if (view_packet(packet, &view, sent)) {
		count(SWORN_COUNTER_PACKET_UNREADABLE, packet->len);
		return PASS;
	}
	if (view.protocol == PROTOCOL_UDP) {
		udp_moved(packet, state, &view, sent);
		return PASS;
	}
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp || view_tcp(packet, &view, sent)) {
		count(SWORN_COUNTER_PACKET_UNREADABLE, packet->len);
		return PASS;
	}
	if (sent)
		tcp_sent(packet, state, &view, tcp);
	else
		tcp_received(packet, state, &view, tcp);
	return PASS;
}

SEC("cgroup_skb/egress")
int packet_sent(struct __sk_buff *packet)
{
	return packet_passes(packet, 1);
}

SEC("cgroup_skb/ingress")
int packet_received(struct __sk_buff *packet)
{
	return packet_passes(packet, 0);
}
