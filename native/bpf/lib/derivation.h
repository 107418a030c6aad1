/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_DERIVATION_H
#define SWORN_BPF_DERIVATION_H

/*
 * Derivations of TLS by the bytes that the standards prescribe for them: so they look in every library, whatever its
 * functions are called. A derivation that is none of TLS's is no error: other protocols share these functions.
 */

#include <asm/ptrace.h>
#include <bpf/bpf_tracing.h>

#include "secret.h"

#define DERIVATION_MASTER_SECRET_BYTES 48
#define DERIVATION_KEY_EXPANSION_BYTES 13
/* HkdfLabel for a key (RFC 8446, 7.1): length u16 · 9 · "tls13 key" · 0. */
#define DERIVATION_KEY_INFO_BYTES 13

/* libbpf before 1.2 names five. */
#if defined(__TARGET_ARCH_x86)
#define C_ARGUMENT_6(context) ((context)->r9)
#elif defined(__TARGET_ARCH_arm64)
#define C_ARGUMENT_6(context) (((struct user_pt_regs *)(context))->regs[5])
#endif

/* Arguments of C functions from the seventh on; 0 or a negative errno. */
static __always_inline long read_argument_from_7(struct pt_regs *context, __u32 number, __u64 *value)
{
#if defined(__TARGET_ARCH_x86)
	/* Behind the return address. */
	return read_process(value, sizeof(*value), PT_REGS_SP(context) + (number - 6) * 8);
#elif defined(__TARGET_ARCH_arm64)
	if (number == 7)
		*value = ((struct user_pt_regs *)context)->regs[6];
	else if (number == 8)
		*value = ((struct user_pt_regs *)context)->regs[7];
	else
		return read_process(value, sizeof(*value), PT_REGS_SP(context) + (number - 9) * 8);
	return 0;
#endif
}

static __always_inline int is_unreadable(long error)
{
	if (error)
		count(SWORN_COUNTER_SECRET_UNREADABLE, 0);
	return error != 0;
}

static __always_inline int is_text(const __u8 *bytes, const char *text, __u32 length)
{
	for (__u32 index = 0; index < length; index++)
		if (bytes[index] != (__u8)text[index])
			return 0;
	return 1;
}

/* Does HKDF-Expand with this info make the key of a direction? Its secret is the traffic secret then. */
static __always_inline int makes_traffic_key(__u64 info, __u64 info_bytes)
{
	__u8 bytes[DERIVATION_KEY_INFO_BYTES];

	if (info_bytes != sizeof(bytes) || is_unreadable(read_process(bytes, sizeof(bytes), info)))
		return 0;
	return bytes[2] == 9 && is_text(bytes + 3, "tls13 key", 9) && bytes[12] == 0;
}

/* Is this the label with which the key block is made from the master secret (RFC 5246, 6.3)? */
static __always_inline int makes_key_block(__u64 label, __u64 label_bytes)
{
	__u8 bytes[DERIVATION_KEY_EXPANSION_BYTES];

	if (label_bytes != sizeof(bytes) || is_unreadable(read_process(bytes, sizeof(bytes), label)))
		return 0;
	return is_text(bytes, "key expansion", sizeof(bytes));
}

static __always_inline void take_traffic_secret_at(void *context, const struct secret_owner *owner, __u64 address,
						   __u64 bytes)
{
	struct sworn_secret secret = {.kind = SWORN_SECRET_KIND_TRAFFIC};

	if (!read_secret(&secret, address, bytes))
		emit_secret(context, owner, &secret);
}

static __always_inline void take_master_secret_at(void *context, const struct secret_owner *owner, __u64 address,
						  __u64 server_random, __u64 client_random)
{
	struct sworn_secret secret = {
		.kind = SWORN_SECRET_KIND_MASTER,
		.has = SWORN_SECRET_HAS_CLIENT_RANDOM | SWORN_SECRET_HAS_SERVER_RANDOM,
	};

	if (!read_random(secret.server_random, server_random) && !read_random(secret.client_random, client_random) &&
	    !read_secret(&secret, address, DERIVATION_MASTER_SECRET_BYTES))
		emit_secret(context, owner, &secret);
}

#endif
