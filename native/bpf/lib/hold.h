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

/* Must this segment wait? Nothing is told of one that does: it comes again. */
static __always_inline int held(struct socket_state *state, struct packet_view *view, int sent)
{
	struct sworn_unsettled *found;
	__u32 tgid = state->process.tgid;

	if (!live.hold_ns || !begins_conversation(state, view, sent))
		return 0;
	found = bpf_map_lookup_elem(&unsettled, &tgid);
	if (!found)
		return 0;
	if (bpf_ktime_get_boot_ns() - found->since_ns < live.hold_ns) {
		count(SWORN_COUNTER_HELD, view->payload_bytes);
		return 1;
	}
	count(SWORN_COUNTER_HOLD_EXPIRED, 0);
	return 0;
}

#endif
