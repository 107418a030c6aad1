// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * Secrets of TLS in OpenSSL 1.1: a derivation is told its inputs one by one, each with a call of the same function.
 * Attached by the loader to places in files.
 */

#include "lib/maps.h"

#include "lib/derivation.h"

/* openssl/evp.h and openssl/kdf.h: EVP_PKEY_ALG_CTRL and what counts from there. */
#define CTRL_TLS_SECRET 0x1001
#define CTRL_TLS_SEED 0x1002
#define CTRL_HKDF_KEY 0x1005
#define CTRL_HKDF_INFO 0x1006
/* The numbers are shared: with 0x1001 and 0x1002 keys and paddings of other kinds are told, too. */
#define OPERATION_DERIVE 0x400

/* Where the inputs of a derivation are that is under way. Addresses only: the secret is read when it is known to be one. */
struct inputs {
	__u64 derivation;
	__u64 secret;
	__u64 secret_bytes;
	__u64 server_random;
	__u32 seeds;
	__u32 zero;
};

/*
 * inputs_told: thread -> what it told last. A thread's entry is written over by its next derivation; the oldest goes when
 * it is full, and then its derivation counts as SWORN_COUNTER_SECRET_UNREADABLE. 4,096 threads in the middle of a
 * derivation at once are far more than there are cores.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct inputs);
} inputs_told SEC(".maps");

static __always_inline void begin_derivation(__u64 thread, __u64 derivation, __u64 secret, __u64 bytes)
{
	struct inputs inputs = {.derivation = derivation, .secret = secret, .secret_bytes = bytes};

	bpf_map_update_elem(&inputs_told, &thread, &inputs, BPF_ANY);
}

/* Seeds come in this order: label, server random, client random. */
static __always_inline void take_seed(struct pt_regs *context, const struct secret_owner *owner, struct inputs *inputs,
				      __u64 seed, __u64 bytes)
{
	__u32 number = inputs->seeds++;

	if (number == 0) {
		if (!makes_key_block(seed, bytes))
			inputs->derivation = 0;
	} else if (number == 1 && bytes == SWORN_SECRET_RANDOM_BYTES) {
		inputs->server_random = seed;
	} else if (number == 2 && bytes == SWORN_SECRET_RANDOM_BYTES && inputs->server_random) {
		inputs->derivation = 0;
		take_master_secret_at(context, owner, inputs->secret, inputs->server_random, seed);
	}
}

/* int EVP_PKEY_CTX_ctrl(EVP_PKEY_CTX *ctx, int keytype, int optype, int cmd, int p1, void *p2) */
SEC("uprobe.s")
int openssl11_input(struct pt_regs *context)
{
	__u64 derivation = PT_REGS_PARM1(context), thread = bpf_get_current_pid_tgid();
	__u32 command = PT_REGS_PARM4(context), bytes = PT_REGS_PARM5(context);
	__u64 value = C_ARGUMENT_6(context);
	struct secret_owner owner;
	struct inputs *inputs;

	if (!owns_secrets(context, &owner) || (__u32)PT_REGS_PARM3(context) != OPERATION_DERIVE)
		return 0;
	switch (command) {
	case CTRL_TLS_SECRET:
	case CTRL_HKDF_KEY:
		begin_derivation(thread, derivation, value, bytes);
		return 0;
	case CTRL_TLS_SEED:
		inputs = bpf_map_lookup_elem(&inputs_told, &thread);
		if (inputs && inputs->derivation == derivation && bytes &&
		    inputs->secret_bytes == DERIVATION_MASTER_SECRET_BYTES)
			take_seed(context, &owner, inputs, value, bytes);
		else if (!inputs && bytes && makes_key_block(value, bytes))
			count(SWORN_COUNTER_SECRET_UNREADABLE, 0);
		return 0;
	case CTRL_HKDF_INFO:
		if (!makes_traffic_key(value, bytes))
			return 0;
		inputs = bpf_map_lookup_elem(&inputs_told, &thread);
		if (inputs && inputs->derivation == derivation)
			take_traffic_secret_at(context, &owner, inputs->secret, inputs->secret_bytes);
		else
			count(SWORN_COUNTER_SECRET_UNREADABLE, 0);
	}
	return 0;
}
