/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_JOIN_H
#define SWORN_BPF_JOIN_H

/* Sockets that were open before anybody watched them: found in a process, or come from an outsider. */

#include <bpf/bpf_core_read.h>

#include "connection.h"
#include "emit.h"
#include "kernel_types.h"
#include "packet.h"

/* Segments may pass between the look at the counters and the moment from which they are recorded; then again. */
#define JOIN_LOOKS_MAX 4

struct counters_look {
	const struct tcp_sock *tcp;
	struct socket_state *state;
};

/* A call of its own: the verifiers of 6.1 and older refuse the loop as clang lays it out. */
static long look_at_counters(__u32 index, struct counters_look *look)
{
	const struct tcp_sock *tcp = look->tcp;
	struct socket_state *state = look->state;

	state->sent_base = BPF_CORE_READ(tcp, snd_nxt);
	state->received_base = BPF_CORE_READ(tcp, rcv_nxt);
	set_flags(state, SOCKET_OPENED | SOCKET_BASE_KNOWN | SOCKET_JOINED);
	return state->sent_next || state->received_next ||
	       (state->sent_base == BPF_CORE_READ(tcp, snd_nxt) && state->received_base == BPF_CORE_READ(tcp, rcv_nxt));
}

static __always_inline void join_tcp(const struct sock *sk, struct socket_state *state, __u64 cookie)
{
	struct counters_look look = {.tcp = (const struct tcp_sock *)sk, .state = state};
	__u8 tcp_state = BPF_CORE_READ(sk, __sk_common.skc_state);

	/* Of a handshake that is under way nothing was missed: it opens as what the listener's others do. */
	if (tcp_state == TCP_STATE_LISTEN || tcp_state == TCP_STATE_SYN_RECV) {
		set_flags(state, SOCKET_LISTENER);
		return;
	}
	if (tcp_state == TCP_STATE_CLOSE)
		return;
	state->connection = connection_number(cookie, 0);
	state->received_fin = -1ULL;
	if (tcp_state == TCP_STATE_SYN_SENT) {
		/* Still connecting: nothing of it was missed. */
		read_addresses(sk, &state->addresses, SWORN_TRANSPORT_TCP, SWORN_ROLE_CLIENT);
		return;
	}
	/* Which end it is cannot be told from the socket; the agent decides by the ports. */
	read_addresses(sk, &state->addresses, SWORN_TRANSPORT_TCP, SWORN_ROLE_UNKNOWN);
	if (tcp_state == TCP_STATE_FIN_WAIT1 || tcp_state == TCP_STATE_LAST_ACK || tcp_state == TCP_STATE_CLOSING)
		set_flags(state, SOCKET_FIN_SENT);
	/* From here on: what will leave, and what will come. */
	bpf_loop(JOIN_LOOKS_MAX, look_at_counters, &look, 0);
	announce(sk, state);
}

static __always_inline void begin_joined(struct socket_state *state, const struct sworn_process_key *holder,
					 const struct sworn_scope *scope)
{
	__builtin_memset(state, 0, sizeof(*state));
	state->scope = *scope;
	state->process = *holder;
	state->started_ns = bpf_ktime_get_boot_ns();
}

/* Returns the state of a socket that was not known; NULL when it was, or cannot be watched. */
static __always_inline struct socket_state *join_inet(struct sock *sk, const struct sworn_process_key *holder,
						      const struct sworn_scope *scope)
{
	__u16 protocol = BPF_CORE_READ(sk, sk_protocol);
	struct socket_state *state;
	__u32 kept;

	if (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP)
		return NULL;
	state = bpf_sk_storage_get(&sockets, sk, 0, 0);
	/* Known, unless it was opened to the broker by a process that is watched only now. */
	if (state && !(state->flags & SOCKET_CALLER_ONLY))
		return NULL;
	if (!state)
		state = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!state) {
		count(SWORN_COUNTER_SOCKET_STORAGE, 0);
		return NULL;
	}
	kept = state->flags & SOCKET_TO_BROKER;
	begin_joined(state, holder, scope);
	state->flags = kept;
	if (protocol == PROTOCOL_TCP)
		join_tcp(sk, state, bpf_get_socket_cookie(sk));
	return state;
}

#endif
