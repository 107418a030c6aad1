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

#include "lib/broker_call.h"
#include "lib/connection.h"
#include "lib/emit.h"
#include "lib/emit_bytes.h"
#include "lib/handshake.h"
#include "lib/hold.h"
#include "lib/join.h"
#include "lib/kernel_types.h"
#include "lib/namespaces.h"
#include "lib/packet.h"
#include "lib/process.h"
#include "lib/udp_flow.h"
#include "lib/ways.h"

#define PASS 1
#define HOLD 0

static __always_inline struct socket_state *new_state(struct sock *sk)
{
	struct socket_state *state = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	/* Somebody may join it at this moment: of two that make it at once, one is refused. Then it is there. */
	if (!state)
		state = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!state)
		count(SWORN_COUNTER_SOCKET_STORAGE, 0);
	return state;
}

/* A connect begins, in the context of the process that connects. */
static __always_inline void connect_begins(struct sock *sk)
{
	__u16 port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	struct sworn_process_state *process;
	struct sworn_process_key caller = {};
	struct socket_state *state;
	__u32 uses = 0;

	process = watched_current(&caller);
	if (!process && !goes_to_broker(sk, port))
		return;
	state = new_state(sk);
	if (!state)
		return;
	/* The socket was used before: that connection ends here. */
	if (state->connection && !(state->flags & (SOCKET_CLOSED | SOCKET_LISTENER | SOCKET_CALLER_ONLY))) {
		announce(sk, state);
		say_closed(sk, state);
	}
	uses = state->connection ? state->uses + 1 : 0;
	__builtin_memset(state, 0, sizeof(*state));
	state->uses = uses;
	state->connection = connection_number(bpf_get_socket_cookie(sk), uses);
	state->process = process ? caller : current_process();
	state->started_ns = bpf_ktime_get_boot_ns();
	state->received_fin = -1ULL;
	if (process)
		state->scope = process->scope;
	else
		set_flags(state, SOCKET_CALLER_ONLY);
	if (goes_to_broker(sk, port))
		set_flags(state, call_begins(sk, state));
	read_client_addresses(sk, state);
}

static __always_inline void listen_begins(struct sock *sk)
{
	struct sworn_process_state *process;
	struct sworn_process_key listener;
	struct socket_state *state;

	process = watched_current(&listener);
	if (!process)
		return;
	state = new_state(sk);
	if (!state)
		return;
	__builtin_memset(state, 0, sizeof(*state));
	state->scope = process->scope;
	state->process = listener;
	state->flags = SOCKET_LISTENER;
}

static __always_inline void client_opens(struct sock *sk, struct socket_state *state)
{
	const struct tcp_sock *tcp = (const struct tcp_sock *)sk;

	/* The SYN told it already, unless it was not seen; data that went with the SYN is in write_seq by now. */
	if (!(state->flags & SOCKET_BASE_KNOWN))
		state->sent_base = BPF_CORE_READ(tcp, write_seq);
	state->received_base = BPF_CORE_READ(tcp, copied_seq);
	read_client_addresses(sk, state);
	set_flags(state, SOCKET_OPENED | SOCKET_BASE_KNOWN);
	if (state->flags & SOCKET_TO_BROKER)
		call_opens(sk);
	if (!(state->flags & SOCKET_CALLER_ONLY))
		announce(sk, state);
}

/*
 * The state of what a listener accepted is a copy of the listener's. Two may come here at once: the CPU that ends the
 * handshake, and one with the next segment, or with what a Fast Open server says before the handshake has ended.
 */
static __always_inline void server_opens(struct sock *sk, struct socket_state *state, __u64 cookie)
{
	const struct tcp_sock *tcp = (const struct tcp_sock *)sk;

	if (!(__sync_fetch_and_and(&state->flags, ~SOCKET_LISTENER) & SOCKET_LISTENER))
		return;
	state->connection = connection_number(cookie, 0);
	state->started_ns = bpf_ktime_get_boot_ns();
	state->received_fin = -1ULL;
	/* Both may have moved already with Fast Open: back to where they began. */
	state->sent_base = BPF_CORE_READ(tcp, snd_una) - (__u32)BPF_CORE_READ(tcp, bytes_acked);
	state->received_base = BPF_CORE_READ(tcp, rcv_nxt) - (__u32)BPF_CORE_READ(tcp, bytes_received);
	read_addresses(sk, &state->addresses, SWORN_TRANSPORT_TCP, SWORN_ROLE_SERVER);
	set_flags(state, SOCKET_OPENED | SOCKET_BASE_KNOWN);
	announce(sk, state);
}

/* The FIN of the other end was taken: rcv_nxt counts it, and copied_seq will when the program has read so far. */
static __always_inline void note_fin(const struct sock *sk, struct socket_state *state)
{
	const struct tcp_sock *tcp = (const struct tcp_sock *)sk;

	state->received_fin = offset_of(BPF_CORE_READ(tcp, rcv_nxt) - 1, state->received_base, state->received_next);
}

static __always_inline void connection_ends(struct sock *sk, struct socket_state *state, int from)
{
	if (state->flags & SOCKET_TO_BROKER)
		call_ends(sk);
	if (state->flags & (SOCKET_LISTENER | SOCKET_CALLER_ONLY | SOCKET_CLOSED))
		return;
	if (state->flags & SOCKET_OPENED)
		/* Not all of it: the program may go on reading. */
		note_end(sk, state);
	else if (from == TCP_STATE_SYN_SENT)
		say_closed(sk, state);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_state_changes, struct sock *sk, int from, int to)
{
	struct socket_state *state;

	if (passive)
		return 0;
	if (sk->sk_protocol != PROTOCOL_TCP)
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
		if (from == TCP_STATE_SYN_SENT)
			client_opens(sk, state);
		else if (from == TCP_STATE_SYN_RECV)
			server_opens(sk, state, bpf_get_socket_cookie(sk));
		break;
	case TCP_STATE_FIN_WAIT1:
	case TCP_STATE_LAST_ACK:
		set_flags(state, SOCKET_FIN_SENT);
		break;
	case TCP_STATE_CLOSE_WAIT:
	case TCP_STATE_CLOSING:
		note_fin(sk, state);
		break;
	case TCP_STATE_CLOSE:
		connection_ends(sk, state, from);
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
	if (state->flags & SOCKET_TO_BROKER)
		call_ends(sk);
	if (state->flags & (SOCKET_CLOSED | SOCKET_CALLER_ONLY))
		return 0;
	announce(sk, state);
	say_closed(sk, state);
	return 0;
}

/* UDP sockets have no states: they are known from the moment they are made. */
static __always_inline void udp_begins(struct bpf_sock *sk, const struct sworn_process_key *maker,
				       const struct sworn_scope *scope)
{
	struct socket_state *state;

	state = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!state) {
		count(SWORN_COUNTER_SOCKET_STORAGE, 0);
		return;
	}
	state->scope = *scope;
	state->process = *maker;
	state->started_ns = bpf_ktime_get_boot_ns();
}

/* Internet sockets pass here when they are made, the kernel's other families do not. */
SEC("cgroup/sock_create")
int socket_made(struct bpf_sock *sk)
{
	struct sworn_process_state *process;
	struct sworn_process_key maker;

	if (passive)
		return PASS;
	process = watched_current(&maker);
	/* Outsiders leave here. */
	if (!process)
		return PASS;
	compare_namespaces((void *)bpf_get_current_task(), &maker, &process->scope);
	if (sk->protocol == PROTOCOL_UDP)
		udp_begins(sk, &maker, &process->scope);
	/* Multipath TCP is made of TCP sockets, which are read. */
	if (sk->type == SOCK_RAW ||
	    (sk->protocol != PROTOCOL_TCP && sk->protocol != PROTOCOL_UDP && sk->protocol != PROTOCOL_MPTCP))
		take_way(&maker, &process->scope, SWORN_WAY_SOCKET, sk->family << 16 | sk->type, sk->protocol);
	return PASS;
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

static __always_inline void drop_bytes(struct socket_state *state, __u64 bytes, int sent)
{
	__sync_fetch_and_add(sent ? &state->dropped_sent_bytes : &state->dropped_received_bytes, bytes);
}

/* The payload of a packet from `skip` on; `offset` is that of its first byte. */
static __always_inline void emit_segment(struct __sk_buff *packet, struct tcp_sock *tcp, struct socket_state *state,
					 struct packet_view *view, __u64 offset, __u32 skip, int sent, __u32 tgid,
					 __u32 ahead, __u64 other_offset)
{
	struct bytes_walk walk = {
		.packet = packet,
		.packet_offset = view->payload_offset + skip,
		.connection = state->connection,
		.offset = offset + skip,
		.remaining = view->payload_bytes - skip,
		.tgid = tgid,
		.direction = sent ? SWORN_DIRECTION_SENT : SWORN_DIRECTION_RECEIVED,
		.ahead = ahead,
		.other_offset = other_offset,
		.time_ns = bpf_ktime_get_boot_ns(),
	};

	if (!announce(&tcp->inet_conn.icsk_inet.sk, state)) {
		count(SWORN_COUNTER_BYTES_RING_FULL, walk.remaining);
		drop_bytes(state, walk.remaining, sent);
		return;
	}
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
	if (walk.dropped)
		drop_bytes(state, walk.dropped, sent);
}

/*
 * A socket that a process has locked is sent from in that process; otherwise this is an interrupt that borrowed
 * whatever process ran. Returns the sender, 0 when it cannot be told, and makes it the owner of the connection.
 */
static __always_inline __u32 note_sender(struct tcp_sock *tcp, struct socket_state *state)
{
	struct sworn_process_state *process;
	__u32 tgid;

	if (!tcp->inet_conn.icsk_inet.sk.sk_lock.owned)
		return 0;
	tgid = current_tgid();
	if (tgid == state->process.tgid)
		return tgid;
	process = watched_process(tgid);
	if (process) {
		state->process.tgid = tgid;
		state->process.start_ns = process->start_ns;
	}
	return tgid;
}

/* The offset up to which the socket has everything: all of that was looked at before. */
static __always_inline __u64 received_so_far(struct tcp_sock *tcp, struct socket_state *state)
{
	__u64 accepted = offset_of(tcp->rcv_nxt, state->received_base, state->received_next);

	/* A FIN takes a sequence number, and nothing comes behind it. */
	return accepted < state->received_fin ? accepted : state->received_fin;
}

static __always_inline void tcp_sent(struct __sk_buff *packet, struct socket_state *state, struct packet_view *view,
				     struct tcp_sock *tcp)
{
	__u64 offset, end;
	__u32 skip = 0;

	if ((view->tcp_flags & TCP_SYN) && !(view->tcp_flags & TCP_ACK)) {
		state->sent_base = view->sequence;
		set_flags(state, SOCKET_BASE_KNOWN);
		/* The local port was not chosen yet when the connect began, and is gone when it has failed. */
		read_client_addresses(&tcp->inet_conn.icsk_inet.sk, state);
	}
	if (!view->payload_bytes || !(state->flags & SOCKET_BASE_KNOWN))
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
	look_at_pages(packet, state);
	look_at_upper_layer(tcp, state);
	emit_segment(packet, tcp, state, view, offset, skip, 1, note_sender(tcp, state), 0, received_so_far(tcp, state));
	state->sent_told = end;
}

/*
 * Will TCP take a segment that stands here? It asks the same when its turn comes, with the socket locked; here only
 * what can be said without the lock, in doubt for the segment. Were all recorded that is addressed to a socket, an
 * outsider who guesses its ports could write into the record.
 */
static __always_inline int tcp_refuses(struct packet_view *view, struct tcp_sock *tcp, __u64 offset, __u64 end,
				       __u64 accepted)
{
	const struct sock *sk = &tcp->inet_conn.icsk_inet.sk;
	__u8 state = sk->__sk_common.skc_state;

	if ((view->tcp_flags & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_ACK)
		return 1;
	/* It acknowledges what was not even written, or what was acknowledged more than a window ago (RFC 5961, 5). */
	if ((__s32)(view->acknowledged - tcp->write_seq) > 0 ||
	    (__s32)(view->acknowledged - (tcp->snd_una - tcp->max_window)) < 0)
		return 1;
	if ((__s64)(end - accepted) <= 0)
		return 0;
	if ((__s64)(offset - (accepted + tcp->rcv_wnd)) >= 0)
		return 1;
	/* After the other end's FIN nothing follows; and a program that has closed is not waited for. */
	if (state == TCP_STATE_CLOSE_WAIT || state == TCP_STATE_LAST_ACK || state == TCP_STATE_CLOSING ||
	    state == TCP_STATE_CLOSE)
		return 1;
	return (state == TCP_STATE_FIN_WAIT1 || state == TCP_STATE_FIN_WAIT2) && (sk->sk_shutdown & RCV_SHUTDOWN);
}

static __always_inline void tcp_received(struct __sk_buff *packet, struct socket_state *state, struct packet_view *view,
					 struct tcp_sock *tcp)
{
	__u64 offset, end, accepted;
	__u32 skip = 0, ahead = 0;

	if (!(state->flags & SOCKET_OPENED) || (!view->payload_bytes && !(view->tcp_flags & TCP_FIN)))
		return;
	offset = offset_of(view->sequence, state->received_base, state->received_next);
	end = offset + view->payload_bytes;
	accepted = offset_of(tcp->rcv_nxt, state->received_base, state->received_next);
	if (tcp_refuses(view, tcp, offset, end, accepted)) {
		count(SWORN_COUNTER_REFUSED, view->payload_bytes);
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
	else
		ahead = offset - accepted;
	if ((__s64)(end - state->received_next) > 0)
		state->received_next = end;
	emit_segment(packet, tcp, state, view, offset, skip, 0, 0, ahead, state->sent_told);
}

static __always_inline int tcp_moved(struct __sk_buff *packet, struct socket_state *state, struct packet_view *view,
				      struct tcp_sock *tcp, int sent)
{
	struct sock *sk = &tcp->inet_conn.icsk_inet.sk;

	if (sent && (state->flags & SOCKET_TO_BROKER))
		request_leaves(tcp, view);
	if (state->flags & (SOCKET_CALLER_ONLY | SOCKET_CLOSED))
		return PASS;
	if (state->flags & SOCKET_LISTENER) {
		if (sk->__sk_common.skc_state == TCP_STATE_LISTEN) {
			if (!sent)
				early_bytes(packet, view, tcp);
			return PASS;
		}
		server_opens(sk, state, bpf_get_socket_cookie(packet));
	}
	if (held(state, view, sent))
		return HOLD;
	if (sent)
		tcp_sent(packet, state, view, tcp);
	else
		tcp_received(packet, state, view, tcp);
	return PASS;
}

/*
 * A socket that nobody watches, while a workload was handed one: it is, when a process of a workload sends. So all that
 * it sends is there. Sent from the process only while that has the socket locked.
 */
static __always_inline struct socket_state *take_handed(struct __sk_buff *packet, struct bpf_sock *sk)
{
	struct sworn_process_state *process;
	struct socket_state joined, *state;
	struct sworn_process_key sender;
	struct tcp_sock *tcp;
	__u8 tcp_state;

	if (bpf_ktime_get_boot_ns() > live.handed_until_ns)
		return NULL;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp || !tcp->inet_conn.icsk_inet.sk.sk_lock.owned)
		return NULL;
	process = watched_current(&sender);
	if (!process)
		return NULL;
	tcp_state = tcp->inet_conn.icsk_inet.sk.__sk_common.skc_state;
	if (tcp_state == TCP_STATE_CLOSE) {
		take_way(&sender, &process->scope, SWORN_WAY_FOREIGN_SOCKET, 0, 0);
		return NULL;
	}
	prepare_joined(&joined, &tcp->inet_conn.icsk_inet.sk, PROTOCOL_TCP, tcp_state, bpf_get_socket_cookie(packet),
		       &sender, &process->scope);
	state = join_unknown(sk, &joined);
	if (!state)
		/* Somebody else's by now, and then this segment is, too. */
		return bpf_sk_storage_get(&sockets, sk, 0, 0);
	go_on_from_here(&tcp->inet_conn.icsk_inet.sk, state);
	take_way(&sender, &process->scope, SWORN_WAY_FOREIGN_SOCKET, 0, state->connection);
	return state;
}

static __always_inline int packet_passes(struct __sk_buff *packet, int sent)
{
	struct packet_view view = {};
	struct socket_state *state;
	struct bpf_sock *sk = packet->sk;
	struct tcp_sock *tcp;

	if (passive || !sk)
		return PASS;
	/* NULL also of a socket that is not whole (yet). */
	state = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (!state && sent && live.handed_until_ns)
		state = take_handed(packet, sk);
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
	return tcp_moved(packet, state, &view, tcp, sent);
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
