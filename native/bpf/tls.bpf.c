// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * Secrets of TLS where OpenSSL 3 and Go have them in their hands as arguments of one function. The loader attaches these
 * programs to places in files; nothing is attached by itself.
 */

#include "lib/maps.h"

#include <asm/ptrace.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lib/go.h"
#include "lib/secret.h"

/* openssl/core.h: part of the interface that providers are built against. */
struct ossl_param {
	__u64 name;
	__u32 type;
	__u32 zero;
	__u64 data;
	__u64 data_bytes;
	__u64 return_bytes;
};

/* A derivation for TLS has at most 7; the array ends by itself. */
#define KDF_PARAMS_MAX 16

struct octets {
	__u64 data;
	__u64 bytes;
};

struct kdf_walk {
	__u64 params;
	struct octets key;
	struct octets prefix;
	struct octets label;
	struct octets secret;
	/* Label, server random, client random. */
	struct octets seeds[3];
	__u32 seeds_count;
	__u32 unreadable;
};

/* A name of up to seven letters as a number, its NUL and what is behind it left out. */
#define NAME_3(a, b, c) ((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16)
#define NAME_MASK(letters) ((1ULL << ((letters) + 1) * 8) - 1)
#define NAME_KEY NAME_3('k', 'e', 'y')
#define NAME_SEED (NAME_3('s', 'e', 'e') | (__u64)'d' << 24)
#define NAME_LABEL (NAME_3('l', 'a', 'b') | NAME_3('e', 'l', 0) << 24)
#define NAME_PREFIX (NAME_3('p', 'r', 'e') | NAME_3('f', 'i', 'x') << 24)
#define NAME_SECRET (NAME_3('s', 'e', 'c') | NAME_3('r', 'e', 't') << 24)

/*
 * By a helper, of whose results the verifier knows nothing: else each parameter that may or may not be among them doubles the
 * states that it follows, which from 7.0 on are too many.
 */
static __always_inline void keep(struct octets *into, const struct octets *value)
{
	bpf_probe_read_kernel(into, sizeof(*into), value);
}

static __always_inline void keep_seed(struct kdf_walk *walk, const struct octets *value)
{
	if (walk->seeds_count == 0)
		keep(&walk->seeds[0], value);
	else if (walk->seeds_count == 1)
		keep(&walk->seeds[1], value);
	else if (walk->seeds_count == 2)
		keep(&walk->seeds[2], value);
	walk->seeds_count++;
}

static long look_at_param(__u32 index, struct kdf_walk *walk)
{
	struct ossl_param param;
	struct octets value;
	__u64 name;

	if (read_process(&param, sizeof(param), walk->params + index * sizeof(param))) {
		walk->unreadable = 1;
		return 1;
	}
	if (!param.name)
		return 1;
	if (read_process(&name, sizeof(name), param.name)) {
		walk->unreadable = 1;
		return 1;
	}
	value.data = param.data;
	value.bytes = param.data_bytes;
	if ((name & NAME_MASK(3)) == NAME_KEY)
		keep(&walk->key, &value);
	else if ((name & NAME_MASK(4)) == NAME_SEED)
		keep_seed(walk, &value);
	else if ((name & NAME_MASK(5)) == NAME_LABEL)
		keep(&walk->label, &value);
	else if ((name & NAME_MASK(6)) == NAME_PREFIX)
		keep(&walk->prefix, &value);
	else if ((name & NAME_MASK(6)) == NAME_SECRET)
		keep(&walk->secret, &value);
	return 0;
}

#define TRAFFIC_KEY_LABEL_BYTES 3
#define TRAFFIC_PREFIX_BYTES 6
#define KEY_EXPANSION_BYTES 13
#define MASTER_SECRET_BYTES 48

/* The key of a direction is made from its traffic secret with the label "key" (RFC 8446, 7.3). */
static __always_inline void take_traffic_secret(void *context, struct secret_owner *owner, struct kdf_walk *walk)
{
	struct sworn_secret secret = {.kind = SWORN_SECRET_KIND_TRAFFIC};
	__u8 label[TRAFFIC_KEY_LABEL_BYTES];
	__u8 prefix[TRAFFIC_PREFIX_BYTES];

	if (walk->label.bytes != sizeof(label) || walk->prefix.bytes != sizeof(prefix))
		return;
	if (read_process(label, sizeof(label), walk->label.data) ||
	    read_process(prefix, sizeof(prefix), walk->prefix.data)) {
		count(SWORN_COUNTER_SECRET_UNREADABLE, 0);
		return;
	}
	if (label[0] != 'k' || label[1] != 'e' || label[2] != 'y')
		return;
	/* "tls13 ", and not that of another protocol. */
	if (prefix[0] != 't' || prefix[1] != 'l' || prefix[2] != 's' || prefix[5] != ' ')
		return;
	if (!read_secret(&secret, walk->key.data, walk->key.bytes))
		emit_secret(context, owner, &secret);
}

/* The key block is made from the master secret (RFC 5246, 6.3): "key expansion", server random, client random. */
static __always_inline void take_master_secret(void *context, struct secret_owner *owner, struct kdf_walk *walk)
{
	struct sworn_secret secret = {
		.kind = SWORN_SECRET_KIND_MASTER,
		.has = SWORN_SECRET_HAS_CLIENT_RANDOM | SWORN_SECRET_HAS_SERVER_RANDOM,
	};
	__u64 label;

	if (walk->seeds_count < 3 || walk->seeds[0].bytes != KEY_EXPANSION_BYTES ||
	    walk->seeds[1].bytes != SWORN_SECRET_RANDOM_BYTES || walk->seeds[2].bytes != SWORN_SECRET_RANDOM_BYTES ||
	    walk->secret.bytes != MASTER_SECRET_BYTES)
		return;
	if (read_process(&label, sizeof(label), walk->seeds[0].data)) {
		count(SWORN_COUNTER_SECRET_UNREADABLE, 0);
		return;
	}
	/* "key expa": "master secret" is as long. */
	if (label != (NAME_KEY | NAME_3(' ', 'e', 'x') << 24 | NAME_3('p', 'a', 0) << 48))
		return;
	if (!read_random(secret.server_random, walk->seeds[1].data) &&
	    !read_random(secret.client_random, walk->seeds[2].data) &&
	    !read_secret(&secret, walk->secret.data, walk->secret.bytes))
		emit_secret(context, owner, &secret);
}

/* int EVP_KDF_derive(EVP_KDF_CTX *ctx, unsigned char *key, size_t keylen, const OSSL_PARAM params[]) */
SEC("uprobe.s")
int openssl_kdf(struct pt_regs *context)
{
	struct secret_owner owner;
	struct kdf_walk walk;

	/* Address 0 cannot be read: then all is zero, and again the verifier does not know it. */
	bpf_probe_read_kernel(&walk, sizeof(walk), NULL);
	walk.params = PT_REGS_PARM4(context);
	if (!owns_secrets(context, &owner) || !walk.params)
		return 0;
	bpf_loop(KDF_PARAMS_MAX, look_at_param, &walk, 0);
	if (walk.unreadable)
		count(SWORN_COUNTER_SECRET_UNREADABLE, 0);
	else if (walk.label.data)
		take_traffic_secret(context, &owner, &walk);
	else
		take_master_secret(context, &owner, &walk);
	return 0;
}

/* func (c *Config) writeKeyLog(label string, clientRandom, secret []byte) error, called with or without a key log. */
SEC("uprobe.s")
int go_key_log(struct pt_regs *context)
{
	__u64 random = GO_ARGUMENT_4(context), random_bytes = GO_ARGUMENT_5(context);
	struct sworn_secret secret = {.has = SWORN_SECRET_HAS_CLIENT_RANDOM};
	struct secret_owner owner;

	if (!owns_secrets(context, &owner) || random_bytes != SWORN_SECRET_RANDOM_BYTES)
		return 0;
	if (!read_key_log_label(&secret, GO_ARGUMENT_2(context), GO_ARGUMENT_3(context)) &&
	    !read_random(secret.client_random, random) &&
	    !read_secret(&secret, GO_ARGUMENT_7(context), GO_ARGUMENT_8(context)))
		emit_secret(context, &owner, &secret);
	return 0;
}
