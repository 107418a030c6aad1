/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_SSH_KEY_H
#define SWORN_BPF_SSH_KEY_H

/*
 * Keys of ciphers, as places that programs which speak SSH pass through have them. Whether a key is one of a connection is
 * for user space to try; here only what cannot be one is left out.
 */

#include "derivation.h"
#include "secret.h"

#define SSH_IV_GCM_BYTES 12

/* What is known of a key before it is read. Addresses of the process. */
struct ssh_key_place {
	__u64 key;
	__u64 iv;
	__u32 key_bytes;
	__u32 iv_bytes;
	/* enum sworn_ssh_cipher */
	__u16 cipher;
	/* SWORN_SECRET_HAS_ENCRYPTS, SWORN_SECRET_HAS_DECRYPTS, or 0 */
	__u16 direction;
	/* Told each time, not only the first time in a process. */
	__u32 always;
};

/*
 * ssh_keys_told: tgid and 32 bits of a hash of a key -> here. Libraries that make a cipher for each packet show its key with
 * each; it is told once. 32 bits say little of a key and let two keys of a process be taken for one once in four billion.
 * The oldest goes when it is full: then a key is told once more.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u8);
} ssh_keys_told SEC(".maps");

static __always_inline int is_key_unreadable(long error)
{
	if (error)
		count(SWORN_COUNTER_KEY_UNREADABLE, 0);
	return error != 0;
}

static __always_inline __u64 ssh_key_mark(const struct sworn_secret *secret)
{
	const __u64 *words = (const __u64 *)secret->secret;
	__u64 hash = 0x9e3779b97f4a7c15ULL;

	for (int i = 0; i < SWORN_SSH_KEY_BYTES_MAX / 8; i++) {
		hash = (hash ^ words[i]) * 0xff51afd7ed558ccdULL;
		hash ^= hash >> 33;
	}
	return (__u64)current_tgid() << 32 | (__u32)hash;
}

static __always_inline long read_ssh_key(struct sworn_secret *secret, const struct ssh_key_place *place)
{
	secret->secret_bytes = place->key_bytes;
	switch (place->key_bytes) {
	case 16:
		return read_process(secret->secret, 16, place->key);
	case 24:
		return read_process(secret->secret, 24, place->key);
	case 32:
		return read_process(secret->secret, 32, place->key);
	default:
		return read_process(secret->secret, 64, place->key);
	}
}

static __always_inline long read_ssh_iv(struct sworn_secret *secret, const struct ssh_key_place *place)
{
	secret->iv_bytes = place->iv_bytes;
	if (place->iv_bytes == SSH_IV_GCM_BYTES)
		return read_process(secret->iv, SSH_IV_GCM_BYTES, place->iv);
	return read_process(secret->iv, SWORN_SSH_IV_BYTES_MAX, place->iv);
}

static __always_inline int is_ssh_key_length(__u32 bytes)
{
	return bytes == 16 || bytes == 24 || bytes == 32 || bytes == 64;
}

static __always_inline void take_ssh_key(void *context, const struct secret_owner *owner,
					 const struct ssh_key_place *place)
{
	struct sworn_secret secret = {
		.kind = SWORN_SECRET_KIND_SSH_CIPHER,
		.label = place->cipher,
		.has = place->direction,
	};
	__u8 here = 1;
	__u64 mark;

	if (!place->key || !is_ssh_key_length(place->key_bytes) || is_key_unreadable(read_ssh_key(&secret, place)))
		return;
	if (place->iv && (place->iv_bytes == SSH_IV_GCM_BYTES || place->iv_bytes == SWORN_SSH_IV_BYTES_MAX) &&
	    is_key_unreadable(read_ssh_iv(&secret, place)))
		return;
	if (!place->always) {
		mark = ssh_key_mark(&secret);
		/* The canary's are nobody's: they count each time. */
		if (owner->scope.selection_id && bpf_map_update_elem(&ssh_keys_told, &mark, &here, BPF_NOEXIST))
			return;
	}
	emit_secret(context, owner, &secret);
}

#endif
