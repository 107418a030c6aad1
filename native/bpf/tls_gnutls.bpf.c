// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/* Secrets of TLS in GnuTLS: each derivation passes two of its functions. Attached by the loader to places in files. */

#include "lib/maps.h"

#include "lib/derivation.h"

/* gnutls/gnutls.h: gnutls_datum_t. */
struct gnutls_datum {
	__u64 data;
	__u32 bytes;
	__u32 zero;
};

/*
 * int gnutls_hkdf_expand(gnutls_mac_algorithm_t mac, const gnutls_datum_t *key, const gnutls_datum_t *info,
 *                        void *output, size_t length), and the function behind it since 3.7.3, with the same arguments
 */
SEC("uprobe.s")
int gnutls_hkdf(struct pt_regs *context)
{
	struct gnutls_datum key, info;
	struct secret_owner owner;

	if (!owns_secrets(context, &owner) ||
	    is_unreadable(read_process(&info, sizeof(info), PT_REGS_PARM3(context))) ||
	    !makes_traffic_key(info.data, info.bytes) ||
	    is_unreadable(read_process(&key, sizeof(key), PT_REGS_PARM2(context))))
		return 0;
	take_traffic_secret_at(context, &owner, key.data, key.bytes);
	return 0;
}

/*
 * int _gnutls_prf_raw(gnutls_mac_algorithm_t mac, size_t master_size, const void *master, size_t label_size,
 *                     const char *label, size_t seed_size, const uint8_t *seed, size_t outsize, char *out)
 */
SEC("uprobe.s")
int gnutls_prf(struct pt_regs *context)
{
	struct secret_owner owner;
	__u64 seed;

	if (!owns_secrets(context, &owner) || PT_REGS_PARM2(context) != DERIVATION_MASTER_SECRET_BYTES ||
	    C_ARGUMENT_6(context) != 2 * SWORN_SECRET_RANDOM_BYTES ||
	    !makes_key_block(PT_REGS_PARM5(context), PT_REGS_PARM4(context)) ||
	    is_unreadable(read_argument_from_7(context, 7, &seed)))
		return 0;
	/* Server random, client random. */
	take_master_secret_at(context, &owner, PT_REGS_PARM3(context), seed, seed + SWORN_SECRET_RANDOM_BYTES);
	return 0;
}
