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
/* Another CPU may set a flag between the look at the flags and the claim. */
#define CLAIM_TRIES_MAX 4
/* A joiner is the time and the CPU: one CPU makes no two at once. */
#define JOINER_CPU_BITS 12

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

/*
 * What a socket begins with, whole before anybody can see it. Not of a connection yet: packets that pass leave it alone
 * until its counters were looked at.
 */
static __always_inline void prepare_joined(struct socket_state *joined, const struct sock *sk, __u16 protocol,
					   __u8 tcp_state, __u64 cookie, const struct sworn_process_key *holder,
					   const struct sworn_scope *scope)
{
	__builtin_memset(joined, 0, sizeof(*joined));
	joined->scope = *scope;
	joined->process = *holder;
	joined->started_ns = bpf_ktime_get_boot_ns();
	joined->joiner = joined->started_ns << JOINER_CPU_BITS | bpf_get_smp_processor_id();
	if (protocol != PROTOCOL_TCP)
		return;
	/* Of a handshake that is under way nothing was missed: it opens as what the listener's others do. */
	if (tcp_state == TCP_STATE_LISTEN || tcp_state == TCP_STATE_SYN_RECV) {
		joined->flags = SOCKET_LISTENER;
		return;
	}
	joined->connection = connection_number(cookie, 0);
	joined->received_fin = -1ULL;
	/* Nothing was missed of one that still connects. Which end another is, the agent decides by the ports. */
	read_addresses(sk, &joined->addresses, SWORN_TRANSPORT_TCP,
		       tcp_state == TCP_STATE_SYN_SENT ? SWORN_ROLE_CLIENT : SWORN_ROLE_UNKNOWN);
}

/*
 * A TCP socket that can be seen as watched now goes on from where it stands. Its state is read once more: what changed it
 * since then has found the socket watched, because the kernel tells of a change before it makes it.
 */
static __always_inline void go_on_from_here(const struct sock *sk, struct socket_state *state)
{
	struct counters_look look = {.tcp = (const struct tcp_sock *)sk, .state = state};
	__u8 tcp_state = BPF_CORE_READ(sk, __sk_common.skc_state);

	if ((state->flags & (SOCKET_LISTENER | SOCKET_OPENED)) || tcp_state == TCP_STATE_SYN_SENT)
		return;
	if (tcp_state == TCP_STATE_CLOSE) {
		set_flags(state, SOCKET_CLOSED);
		return;
	}
	if (tcp_state == TCP_STATE_FIN_WAIT1 || tcp_state == TCP_STATE_LAST_ACK || tcp_state == TCP_STATE_CLOSING)
		set_flags(state, SOCKET_FIN_SENT);
	/* From here on: what will leave, and what will come. */
	bpf_loop(JOIN_LOOKS_MAX, look_at_counters, &look, 0);
	announce(sk, state);
}

/*
 * Watches a socket that has no state. Returns NULL when somebody else, the process that connects or another joiner, has
 * made its state meanwhile: that one is left as it is.
 */
static __always_inline struct socket_state *join_unknown(void *storage_of, const struct socket_state *joined)
{
	struct socket_state *state;

	state = bpf_sk_storage_get(&sockets, storage_of, (void *)joined, BPF_SK_STORAGE_GET_F_CREATE);
	if (state)
		return state->joiner == joined->joiner ? state : NULL;
	/* Of two that make it at once, one is refused. */
	if (!bpf_sk_storage_get(&sockets, storage_of, 0, 0))
		count(SWORN_COUNTER_SOCKET_STORAGE, 0);
	return NULL;
}

/* A socket that was opened to the broker by a process that is watched only now. Returns 0 when another joiner has it. */
static __always_inline int join_caller(struct socket_state *state, const struct sworn_process_key *holder,
				       const struct sworn_scope *scope)
{
	/* Nobody reads these of a socket of a caller. */
	state->scope = *scope;
	state->process = *holder;
	state->started_ns = bpf_ktime_get_boot_ns();
	state->received_fin = -1ULL;
	for (int i = 0; i < CLAIM_TRIES_MAX; i++) {
		__u32 flags = state->flags;

		if (!(flags & SOCKET_CALLER_ONLY))
			return 0;
		if (__sync_val_compare_and_swap(&state->flags, flags, flags & (SOCKET_TO_BROKER | SOCKET_REDIRECTED)) == flags)
			return 1;
	}
	return 0;
}

/*
 * Returns whether the socket was one that nobody watched; `connection` is then the number of what was joined, 0 when the
 * socket has no connection. A TCP socket that is closed gets no state: it is made when it connects or listens.
 */
static __always_inline int join_inet(struct sock *sk, const struct sworn_process_key *holder,
				     const struct sworn_scope *scope, __u64 *connection)
{
	__u16 protocol = BPF_CORE_READ(sk, sk_protocol);
	/* Before the look-up: of what has begun to connect by now, the state is there, or nobody makes one. */
	__u8 tcp_state = BPF_CORE_READ(sk, __sk_common.skc_state);
	struct socket_state joined, *state;

	if (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP)
		return 0;
	state = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (state && !(state->flags & SOCKET_CALLER_ONLY))
		return 0;
	*connection = 0;
	if (protocol == PROTOCOL_TCP && tcp_state == TCP_STATE_CLOSE)
		return 1;
	if (state) {
		if (!join_caller(state, holder, scope))
			return 0;
	} else {
		prepare_joined(&joined, sk, protocol, tcp_state, bpf_get_socket_cookie(sk), holder, scope);
		state = join_unknown(sk, &joined);
		if (!state)
			return 0;
	}
	if (protocol == PROTOCOL_TCP)
		go_on_from_here(sk, state);
	*connection = state->connection;
	return 1;
}

#endif
