/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_CONNECTION_H
#define SWORN_BPF_CONNECTION_H

/* Connections of TCP sockets: their numbers, their opening and their end. */

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "emit.h"
#include "hold.h"
#include "kernel_types.h"
#include "maps.h"

#define CONNECTION_COOKIE_BITS 42
#define CONNECTION_USES_BITS 11

/*
 * Cookies count up from 1 for the whole host: 42 bits are a hundred years of a thousand sockets a second. The other
 * bits tell uses of a socket apart; 53 bits in all, so that user space may hold it in a double.
 */
static __always_inline __u64 connection_number(__u64 cookie, __u32 uses)
{
	return (cookie & ((1ULL << CONNECTION_COOKIE_BITS) - 1)) |
	       (__u64)(uses & ((1U << CONNECTION_USES_BITS) - 1)) << CONNECTION_COOKIE_BITS;
}

/*
 * The 64-bit offset of a 32-bit sequence number. `near` is any offset within 2 GiB of it: the answer does not depend on
 * which, so it may be read without a lock.
 */
static __always_inline __u64 offset_of(__u32 sequence, __u32 base, __u64 near)
{
	return near + (__s32)(sequence - (base + (__u32)near));
}

static __always_inline void set_flags(struct socket_state *state, __u32 flags)
{
	__sync_fetch_and_or(&state->flags, flags);
}

/* IPv4 inside IPv6 is written as IPv4: that is what is on the wire. */
static __always_inline void read_addresses(const struct sock *sk, struct sworn_addresses *addresses, __u8 transport,
					   __u8 role)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	__builtin_memset(addresses, 0, sizeof(*addresses));
	addresses->family = 4;
	if (family == AF_INET) {
		__u32 local = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		__u32 remote = BPF_CORE_READ(sk, __sk_common.skc_daddr);

		__builtin_memcpy(addresses->local, &local, 4);
		__builtin_memcpy(addresses->remote, &remote, 4);
	} else {
		struct in6_addr local, remote;

		BPF_CORE_READ_INTO(&local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&remote, sk, __sk_common.skc_v6_daddr);
		if (!remote.in6_u.u6_addr32[0] && !remote.in6_u.u6_addr32[1] &&
		    remote.in6_u.u6_addr32[2] == bpf_htonl(0xffff)) {
			__builtin_memcpy(addresses->local, &local.in6_u.u6_addr32[3], 4);
			__builtin_memcpy(addresses->remote, &remote.in6_u.u6_addr32[3], 4);
		} else {
			__builtin_memcpy(addresses->local, &local, 16);
			__builtin_memcpy(addresses->remote, &remote, 16);
			addresses->family = 6;
		}
	}
	addresses->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	addresses->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	addresses->transport = transport;
	addresses->role = role;
	addresses->network_namespace = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

/* The address of the instance metadata service of Azure. */
#define IMDS_ADDRESS 0xa9fea9fe
#define IMDS_PORT 80

/* Of the end that connects; of a connect that was redirected, where the program wanted to. */
static __always_inline void read_client_addresses(const struct sock *sk, struct socket_state *state)
{
	__u32 asked = bpf_htonl(IMDS_ADDRESS);

	read_addresses(sk, &state->addresses, SWORN_TRANSPORT_TCP, SWORN_ROLE_CLIENT);
	if (state->flags & SOCKET_REDIRECTED) {
		__builtin_memcpy(state->addresses.remote, &asked, sizeof(asked));
		state->addresses.remote_port = IMDS_PORT;
	}
}

static __always_inline __u16 connection_flags(const struct socket_state *state)
{
	return (state->flags & SOCKET_JOINED ? SWORN_FLAG_JOINED_LATE : 0) |
	       (state->flags & SOCKET_REDIRECTED ? SWORN_FLAG_REDIRECTED : 0);
}

/* Says that the connection is open; tried again with its next bytes when the ring was full. */
static __always_inline int announce(const struct sock *sk, struct socket_state *state)
{
	const struct tcp_sock *tcp = (const struct tcp_sock *)sk;
	struct sworn_open_event *event;

	if (state->flags & SOCKET_ANNOUNCED)
		return 1;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count(SWORN_COUNTER_OPEN_RING_FULL, 0);
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	begin_event(&event->event, SWORN_EVENT_OPEN, connection_flags(state), sizeof(*event));
	event->connection = state->connection;
	event->process = state->process;
	event->scope = state->scope;
	event->started_ns = state->started_ns;
	event->addresses = state->addresses;
	event->received_sequence = state->received_base;
	event->received_accepted = BPF_CORE_READ(tcp, rcv_nxt) - state->received_base;
	bpf_ringbuf_submit(event, wake_flags());
	set_flags(state, SOCKET_ANNOUNCED);
	return 1;
}

/* What the socket says of itself at its end; later a disconnect resets it, and programs take the error. */
static __always_inline void note_end(const struct sock *sk, struct socket_state *state)
{
	const struct tcp_sock *tcp = (const struct tcp_sock *)sk;

	if (state->flags & SOCKET_ENDED)
		return;
	state->final_write_seq = BPF_CORE_READ(tcp, write_seq);
	state->final_snd_nxt = BPF_CORE_READ(tcp, snd_nxt);
	state->final_copied_seq = BPF_CORE_READ(tcp, copied_seq);
	state->error = BPF_CORE_READ(sk, sk_err);
	set_flags(state, SOCKET_ENDED);
}

static __always_inline void count_sent(struct socket_state *state, struct sworn_close_event *event)
{
	__u64 written = offset_of(state->final_write_seq, state->sent_base, state->sent_next);
	__u64 left = offset_of(state->final_snd_nxt, state->sent_base, state->sent_next);

	/* A FIN takes one sequence number; it is no byte of the program. */
	if ((state->flags & SOCKET_FIN_SENT) && written)
		written--;
	if (left > written)
		left = written;
	event->sent_bytes = written;
	event->unsent_bytes = written - left;
}

static __always_inline void count_received(const struct sock *sk, struct socket_state *state,
					   struct sworn_close_event *event)
{
	const struct tcp_sock *tcp = (const struct tcp_sock *)sk;
	/* A program may read on after the connection has ended, but not after a disconnect, which clears the port. */
	__u32 copied_seq = BPF_CORE_READ(sk, __sk_common.skc_dport) ? BPF_CORE_READ(tcp, copied_seq) :
								      state->final_copied_seq;
	__u64 read = offset_of(copied_seq, state->received_base, state->received_next);
	__u64 accepted = offset_of(BPF_CORE_READ(tcp, rcv_nxt), state->received_base, state->received_next);

	/* Of a connection that was joined late, it may not even have read all that came before. */
	if ((__s64)read < 0)
		read = 0;
	if (accepted > state->received_fin)
		accepted = state->received_fin;
	if (read > accepted)
		read = accepted;
	event->received_bytes = read;
	event->unread_bytes = accepted - read;
}

static __always_inline void fill_close(const struct sock *sk, struct socket_state *state, struct sworn_close_event *event)
{
	int failed = !(state->flags & SOCKET_OPENED);

	__builtin_memset(event, 0, sizeof(*event));
	begin_event(&event->event, SWORN_EVENT_CLOSE, connection_flags(state) | (failed ? SWORN_FLAG_FAILED : 0),
		    sizeof(*event));
	event->connection = state->connection;
	event->process = state->process;
	event->scope = state->scope;
	event->started_ns = state->started_ns;
	event->addresses = state->addresses;
	event->error = state->error;
	event->held_us = state->held_us;
	event->dropped_sent_bytes = state->dropped_sent_bytes;
	event->dropped_received_bytes = state->dropped_received_bytes;
	if (state->flags & SOCKET_BASE_KNOWN)
		count_sent(state, event);
	if (!failed)
		count_received(sk, state, event);
}

static __always_inline void say_closed(const struct sock *sk, struct socket_state *state)
{
	struct sworn_close_event *event;

	note_end(sk, state);
	end_hold(state);
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (event) {
		fill_close(sk, state, event);
		bpf_ringbuf_submit(event, wake_flags());
	} else {
		struct sworn_close_event late;

		fill_close(sk, state, &late);
		count(SWORN_COUNTER_CLOSE_RING_FULL, 0);
		if (bpf_map_push_elem(&late_closes, &late, 0))
			count(SWORN_COUNTER_CLOSE_LOST, 0);
	}
	set_flags(state, SOCKET_CLOSED);
}

#endif
