/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_EMIT_H
#define SWORN_BPF_EMIT_H

/* Writing events and counting what could not be written. */

#include "maps.h"
#include "settings.h"

static __always_inline void count(__u32 counter, __u64 bytes)
{
	struct sworn_counter_value *value = bpf_map_lookup_elem(&counters, &counter);

	if (!value)
		return;
	/* Per CPU, but a softirq may interrupt: atomic, so that no count is lost. */
	__sync_fetch_and_add(&value->events, 1);
	__sync_fetch_and_add(&value->bytes, bytes);
}

/*
 * Wakes cost more than events: the reader is woken once when much has gathered, and looks by itself every few
 * milliseconds otherwise. While it is behind, what waits is above the band and nobody wakes it again: it drains until
 * nothing is left before it sleeps. The band is wider than the largest event, so it cannot be jumped over.
 */
#define WAKE_BAND_BYTES (32 * 1024)

static __always_inline __u64 wake_flags(void)
{
	__u64 waiting = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);

	return waiting - wake_bytes < WAKE_BAND_BYTES ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline void begin_event(struct sworn_event *event, __u16 type, __u16 flags, __u32 size)
{
	event->type = type;
	event->flags = flags;
	event->size = size;
	event->time_ns = bpf_ktime_get_boot_ns();
}

/*
 * How much of what is left fits one piece; a register of which the verifier knows, when it is not 0, that it is from 1 to
 * `room`. 64 bits, and a signed comparison: verifiers before 6.2 lose the bounds of half registers, and learn none from != 0.
 */
static __always_inline __u64 piece_bytes(__u64 left, const __u32 room)
{
	if (left > room)
		left = room;
	barrier_var(left);
	if (left > room)
		return 0;
	barrier_var(left);
	return (__s64)left < 1 ? 0 : left;
}

#endif
