// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * Secrets of TLS in rustls over ring (over AWS-LC: tls_boringssl.bpf.c). Rust promises no order of arguments or fields;
 * these are what compilers have made of rustls 0.22 and later, and a secret that is not one proves nothing and is let go.
 * Attached by the loader to places in files.
 */

#include "lib/maps.h"

#include "lib/derivation.h"

/* Of a function whose result is written through a pointer: on x86 that pointer is the first argument, on arm64 it is apart. */
#if defined(__TARGET_ARCH_x86)
#define ARGUMENT_1_BEHIND_RESULT(context) PT_REGS_PARM2(context)
#define ARGUMENT_2_BEHIND_RESULT(context) PT_REGS_PARM3(context)
#define ARGUMENT_3_BEHIND_RESULT(context) PT_REGS_PARM4(context)
#elif defined(__TARGET_ARCH_arm64)
#define ARGUMENT_1_BEHIND_RESULT(context) PT_REGS_PARM1(context)
#define ARGUMENT_2_BEHIND_RESULT(context) PT_REGS_PARM2(context)
#define ARGUMENT_3_BEHIND_RESULT(context) PT_REGS_PARM3(context)
#endif

/* &[u8] */
struct slice {
	__u64 data;
	__u64 bytes;
};

/*
 * hmac_keys: thread -> where the last key for an HMAC was, for the derivation that follows with it. Addresses only.
 * The oldest goes when it is full, and then its derivation counts as SWORN_COUNTER_SECRET_UNREADABLE.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct slice);
} hmac_keys SEC(".maps");

/* ring: fn hmac::Key::new(algorithm: Algorithm, key_value: &[u8]) -> Self, and what stands for it in some versions */
SEC("uprobe.s")
int ring_hmac_key(struct pt_regs *context)
{
	struct slice key = {ARGUMENT_2_BEHIND_RESULT(context), ARGUMENT_3_BEHIND_RESULT(context)};
	__u64 thread = bpf_get_current_pid_tgid();
	struct secret_owner owner;

	if (owns_secrets(context, &owner) && (key.bytes == 32 || key.bytes == 48))
		bpf_map_update_elem(&hmac_keys, &thread, &key, BPF_ANY);
	return 0;
}

/* Parts of the HkdfLabel, as rustls hands it over: length, size, "tls13 ", label, size, context. */
#define INFO_PARTS 6
#define INFO_PREFIX 2

/* ring: fn hkdf::fill_okm(prk: &Prk, info: &[&[u8]], out: &mut [u8], len: usize) -> Result<(), Unspecified> */
SEC("uprobe.s")
int ring_hkdf(struct pt_regs *context)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct slice parts[2], *key;
	struct secret_owner owner;
	__u8 prefix[6], label[3];

	if (!owns_secrets(context, &owner) || PT_REGS_PARM3(context) != INFO_PARTS ||
	    is_unreadable(read_process(parts, sizeof(parts), PT_REGS_PARM2(context) + INFO_PREFIX * sizeof(parts[0]))))
		return 0;
	if (parts[0].bytes != sizeof(prefix) || parts[1].bytes != sizeof(label) ||
	    is_unreadable(read_process(prefix, sizeof(prefix), parts[0].data)) ||
	    is_unreadable(read_process(label, sizeof(label), parts[1].data)))
		return 0;
	if (!is_text(prefix, "tls13 ", sizeof(prefix)) || !is_text(label, "key", sizeof(label)))
		return 0;
	key = bpf_map_lookup_elem(&hmac_keys, &thread);
	if (key)
		take_traffic_secret_at(context, &owner, key->data, key->bytes);
	else
		count(SWORN_COUNTER_SECRET_UNREADABLE, 0);
	return 0;
}

/* rustls: struct tls12::ConnectionSecrets; what has the stricter alignment goes first. */
struct connection_secrets {
	__u64 suite;
	__u8 client_random[SWORN_SECRET_RANDOM_BYTES];
	__u8 server_random[SWORN_SECRET_RANDOM_BYTES];
	__u8 master_secret[DERIVATION_MASTER_SECRET_BYTES];
};

/* rustls: fn tls12::ConnectionSecrets::make_key_block(&self) -> Vec<u8> */
SEC("uprobe.s")
int rustls_key_block(struct pt_regs *context)
{
	__u64 secrets = ARGUMENT_1_BEHIND_RESULT(context);
	struct secret_owner owner;

	if (owns_secrets(context, &owner))
		take_master_secret_at(context, &owner,
				      secrets + __builtin_offsetof(struct connection_secrets, master_secret),
				      secrets + __builtin_offsetof(struct connection_secrets, server_random),
				      secrets + __builtin_offsetof(struct connection_secrets, client_random));
	return 0;
}
