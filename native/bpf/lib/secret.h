/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_SECRET_H
#define SWORN_BPF_SECRET_H

/*
 * What the programs at probes in TLS libraries share: whose secrets are taken, how memory of a process is read, and how a
 * secret is handed over. The bytes of a secret go to a map, from which they are taken out; the ring's pages would keep
 * them for long after. The event in the ring has its id, so its order with connections and bytes is the ring's.
 *
 * These programs may sleep, so two may be under way on one CPU: what they need is on their stack.
 */

#include <bpf/bpf_helpers.h>

#include "emit.h"
#include "process.h"

/* The process that a program at a probe runs in. */
struct secret_owner {
	struct sworn_process_key process;
	struct sworn_scope scope;
};

/* Counted up by one with each secret: their ids. */
extern __u64 secrets_made;

static __always_inline void count_probe(void *context, int hit)
{
	__u32 id = bpf_get_attach_cookie(context);
	struct sworn_probe_run *run = bpf_map_lookup_elem(&probe_runs, &id);

	if (run)
		__sync_fetch_and_add(hit ? &run->hits : &run->runs, 1);
}

/* Is this a process whose secrets are wanted? Outsiders, which share the libraries, leave at once. */
static __always_inline int owns_secrets(void *context, struct secret_owner *owner)
{
	struct sworn_process_state *state;

	if (passive)
		return 0;
	state = watched_current(&owner->process);
	if (state) {
		owner->scope = state->scope;
	} else {
		if (!live.canary_tgid || live.canary_tgid != current_tgid())
			return 0;
		__builtin_memset(owner, 0, sizeof(*owner));
	}
	count_probe(context, 0);
	return 1;
}

/* Memory of the current process; 0 or a negative errno. */
static __always_inline long read_process(void *into, __u32 bytes, __u64 address)
{
	if (probes_sleep)
		return bpf_copy_from_user(into, bytes, (void *)address);
	return bpf_probe_read_user(into, bytes, (void *)address);
}

/* Hands a secret over; `secret` is whole, what is not used in it zero. */
static __always_inline void emit_secret(void *context, const struct secret_owner *owner,
					const struct sworn_secret *secret)
{
	int is_key = secret->kind == SWORN_SECRET_KIND_SSH_CIPHER;
	struct sworn_secret_event *event;
	__u64 id;

	count_probe(context, 1);
	/* The canary's show only that the probe sees them. */
	if (!owner->scope.selection_id)
		return;
	id = __sync_fetch_and_add(&secrets_made, 1);
	/* In the map before its event is in the ring: whoever reads that finds it. */
	if (bpf_map_update_elem(&tls_secrets, &id, secret, BPF_NOEXIST)) {
		count(is_key ? SWORN_COUNTER_KEY_MAP_FULL : SWORN_COUNTER_SECRET_MAP_FULL, 0);
		return;
	}
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		bpf_map_delete_elem(&tls_secrets, &id);
		count(is_key ? SWORN_COUNTER_KEY_RING_FULL : SWORN_COUNTER_SECRET_RING_FULL, 0);
		return;
	}
	begin_event(&event->event, SWORN_EVENT_SECRET, 0, sizeof(*event));
	event->process = owner->process;
	event->scope = owner->scope;
	event->secret_id = id;
	bpf_ringbuf_submit(event, wake_flags());
}

/* Reads the bytes of a secret, which has to be as long as secrets of TLS are. 0 when that was so. */
static __always_inline int read_secret(struct sworn_secret *secret, __u64 address, __u64 bytes)
{
	long error;

	if (bytes == 32)
		error = read_process(secret->secret, 32, address);
	else if (bytes == 48)
		error = read_process(secret->secret, 48, address);
	else
		return -1;
	if (error) {
		count(SWORN_COUNTER_SECRET_UNREADABLE, 0);
		return -1;
	}
	secret->secret_bytes = bytes;
	return 0;
}

static __always_inline int read_random(__u8 random[SWORN_SECRET_RANDOM_BYTES], __u64 address)
{
	if (!read_process(random, SWORN_SECRET_RANDOM_BYTES, address))
		return 0;
	count(SWORN_COUNTER_SECRET_UNREADABLE, 0);
	return -1;
}

/*
 * Sets kind and label by the label of a line in a key log (SSLKEYLOGFILE); 0 when it is one that decrypts. Their lengths
 * and first letters tell them apart.
 */
static __always_inline int read_key_log_label(struct sworn_secret *secret, __u64 address, __u64 bytes)
{
	__u8 first;

	if (bytes != 13 && bytes != 23 && bytes != 27 && bytes != 31)
		return -1;
	if (read_process(&first, 1, address)) {
		count(SWORN_COUNTER_SECRET_UNREADABLE, 0);
		return -1;
	}
	secret->kind = SWORN_SECRET_KIND_TRAFFIC;
	switch (bytes) {
	case 13: /* CLIENT_RANDOM */
		secret->kind = SWORN_SECRET_KIND_MASTER;
		return first == 'C' ? 0 : -1;
	case 23: /* CLIENT_TRAFFIC_SECRET_0 */
		secret->label = first == 'C' ? SWORN_SECRET_LABEL_CLIENT_APPLICATION :
					       SWORN_SECRET_LABEL_SERVER_APPLICATION;
		break;
	case 27: /* CLIENT_EARLY_TRAFFIC_SECRET */
		secret->label = SWORN_SECRET_LABEL_CLIENT_EARLY;
		return first == 'C' ? 0 : -1;
	default: /* CLIENT_HANDSHAKE_TRAFFIC_SECRET */
		secret->label = first == 'C' ? SWORN_SECRET_LABEL_CLIENT_HANDSHAKE :
					       SWORN_SECRET_LABEL_SERVER_HANDSHAKE;
	}
	return first == 'C' || first == 'S' ? 0 : -1;
}

#endif
