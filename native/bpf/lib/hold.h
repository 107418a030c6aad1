/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_HOLD_H
#define SWORN_BPF_HOLD_H

/*
 * While a process has a library that nobody has looked at yet, its new connections wait, so that the probes are in place
 * before a secret is derived. Nobody is stopped: the first segment is not let through, and TCP sends it again by itself.
 */

#include "emit.h"
#include "packet.h"

/* The segment with which a conversation begins: what the client says first, that is what the server hears first. */
static __always_inline int begins_conversation(struct socket_state *state, struct packet_view *view, int sent)
{
	if (!view->payload_bytes || (view->tcp_flags & TCP_SYN) || !(state->flags & SOCKET_OPENED) ||
	    (state->flags & SOCKET_JOINED))
		return 0;
	if (sent)
		return state->addresses.role == SWORN_ROLE_CLIENT && !state->sent_next;
	return state->addresses.role == SWORN_ROLE_SERVER && !state->received_next;
}

/* The segment is let through, or the connection ends without it. */
static __always_inline void end_hold(struct socket_state *state)
{
	__u64 since_ns, held_us;

	if (!state->held_since_ns)
		return;
	/* Of two CPUs that come here at once, one takes it. */
	since_ns = __sync_lock_test_and_set(&state->held_since_ns, 0);
	if (!since_ns)
		return;
	held_us = (bpf_ktime_get_boot_ns() - since_ns) / 1000;
	count(SWORN_COUNTER_HELD_TIME, held_us);
	held_us += state->held_us;
	state->held_us = held_us < (__u32)-1 ? held_us : (__u32)-1;
}

/* Must this segment wait? Nothing is told of one that does: it comes again. */
static __always_inline int held(struct socket_state *state, struct packet_view *view, int sent)
{
	struct sworn_unsettled *found;
	__u32 tgid = state->process.tgid;
	__u64 now_ns;

	/* What was held is let go when nothing is held any more. */
	if ((!live.hold_ns && !state->held_since_ns) || !begins_conversation(state, view, sent))
		return 0;
	found = bpf_map_lookup_elem(&unsettled, &tgid);
	if (found && live.hold_ns) {
		now_ns = bpf_ktime_get_boot_ns();
		if (now_ns - found->since_ns < live.hold_ns) {
			count(SWORN_COUNTER_HELD, view->payload_bytes);
			__sync_val_compare_and_swap(&state->held_since_ns, 0, now_ns);
			return 1;
		}
		count(SWORN_COUNTER_HOLD_EXPIRED, 0);
	}
	end_hold(state);
	return 0;
}

#endif
