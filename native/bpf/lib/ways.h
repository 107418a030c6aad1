/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_WAYS_H
#define SWORN_BPF_WAYS_H

/* Telling that a way was taken: few events, however often it is. */

#include <bpf/bpf_core_read.h>

#include "emit.h"
#include "kernel_types.h"
#include "maps.h"

struct way_key {
	__u64 start_ns;
	__u64 subject;
	__u32 tgid;
	__u32 way;
};

/*
 * ways_told: process, way and subject -> how often it was taken. Written by all programs that tell of ways.
 * The oldest goes when full: the same is then told once more, from 1 on.
 */
struct ways_told_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct way_key);
	__type(value, __u64);
};
extern struct ways_told_map ways_told SEC(".maps");

/* Any number of times makes at most 64 events: at the first, second, fourth, eighth … */
static __always_inline void tell_way(const struct sworn_process_key *process, const struct sworn_scope *scope,
				     struct way_key *key, __u32 way, __u32 detail)
{
	__u64 times = 1, *before = bpf_map_lookup_elem(&ways_told, key);
	struct sworn_way_event *event;

	if (before)
		times = __sync_fetch_and_add(before, 1) + 1;
	else
		bpf_map_update_elem(&ways_told, key, &times, BPF_NOEXIST);
	if (times & (times - 1))
		return;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count(SWORN_COUNTER_WAY_RING_FULL, 0);
		return;
	}
	begin_event(&event->event, SWORN_EVENT_WAY, 0, sizeof(*event));
	event->process = *process;
	event->scope = *scope;
	event->way = way;
	event->detail = detail;
	event->subject = key->subject;
	event->times = times;
	bpf_ringbuf_submit(event, wake_flags());
}

static __always_inline void take_way(const struct sworn_process_key *process, const struct sworn_scope *scope, __u32 way,
				     __u32 detail, __u64 subject)
{
	struct way_key key = {.start_ns = process->start_ns, .subject = subject, .tgid = process->tgid, .way = way};

	tell_way(process, scope, &key, way, detail);
}

/* An act against the agent, or a call that is a way. What one process does is told act by act, call by call. */
static __always_inline void take_act(const struct sworn_process_key *process, const struct sworn_scope *scope, __u32 way,
				     __u32 act, __u64 subject)
{
	struct way_key key = {
		.start_ns = process->start_ns, .subject = subject, .tgid = process->tgid, .way = way | act << 16};

	tell_way(process, scope, &key, way, act);
}

/* The packet as the kernel has it. 6.2 and newer; older kernels cannot tell whose pages a segment is made of. */
extern void *bpf_cast_to_kern_ctx(void *packet) __ksym __weak;

/*
 * Pages of the program, or of a file, that are sent without being copied: who can write to them can do so after they were
 * looked at. Told once of each connection.
 */
static __always_inline void look_at_pages(struct __sk_buff *packet, struct socket_state *state)
{
	struct skb_shared_info *shared;
	struct sk_buff *buffer;
	__u8 flags;

	if ((state->flags & SOCKET_SHARED_PAGES) || !bpf_cast_to_kern_ctx)
		return;
	buffer = bpf_cast_to_kern_ctx(packet);
	shared = (void *)(BPF_CORE_READ(buffer, head) + BPF_CORE_READ(buffer, end));
	flags = BPF_CORE_READ(shared, flags) & (SKBFL_ZEROCOPY_ENABLE | SKBFL_SHARED_FRAG);
	if (!flags)
		return;
	__sync_fetch_and_or(&state->flags, SOCKET_SHARED_PAGES);
	take_way(&state->process, &state->scope, SWORN_WAY_SHARED_PAGES, flags, state->connection);
}

/* The kernel encrypts: keys that no library derives. Told once of each connection. */
static __always_inline void look_at_upper_layer(struct tcp_sock *tcp, struct socket_state *state)
{
	const struct tcp_ulp_ops *layer = tcp->inet_conn.icsk_ulp_ops;
	char name[4] = {};

	if (!layer || (state->flags & SOCKET_KERNEL_TLS))
		return;
	bpf_probe_read_kernel(name, sizeof(name), layer->name);
	/* Multipath TCP is one, too. */
	if (name[0] != 't' || name[1] != 'l' || name[2] != 's' || name[3])
		return;
	__sync_fetch_and_or(&state->flags, SOCKET_KERNEL_TLS);
	take_way(&state->process, &state->scope, SWORN_WAY_KERNEL_TLS, 0, state->connection);
}

#endif
