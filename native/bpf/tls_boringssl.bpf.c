// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * Secrets of TLS in BoringSSL and what grew from it: AWS-LC, which rustls uses. Attached by the loader to places in
 * files.
 */

#include "lib/maps.h"

#include "lib/derivation.h"

/*
 * int HKDF_expand(uint8_t *out_key, size_t out_len, const EVP_MD *digest, const uint8_t *prk, size_t prk_len,
 *                 const uint8_t *info, size_t info_len)
 */
SEC("uprobe.s")
int boringssl_hkdf(struct pt_regs *context)
{
	struct secret_owner owner;
	__u64 info_bytes;

	if (!owns_secrets(context, &owner) || is_unreadable(read_argument_from_7(context, 7, &info_bytes)) ||
	    !makes_traffic_key(C_ARGUMENT_6(context), info_bytes))
		return 0;
	take_traffic_secret_at(context, &owner, PT_REGS_PARM4(context), PT_REGS_PARM5(context));
	return 0;
}

/*
 * int CRYPTO_tls1_prf(const EVP_MD *digest, uint8_t *out, size_t out_len, const uint8_t *secret, size_t secret_len,
 *                     const char *label, size_t label_len, const uint8_t *seed1, size_t seed1_len,
 *                     const uint8_t *seed2, size_t seed2_len)
 */
SEC("uprobe.s")
int boringssl_prf(struct pt_regs *context)
{
	__u64 label_bytes, first, first_bytes, second, second_bytes;
	struct secret_owner owner;

	if (!owns_secrets(context, &owner) || PT_REGS_PARM5(context) != DERIVATION_MASTER_SECRET_BYTES ||
	    is_unreadable(read_argument_from_7(context, 7, &label_bytes)) ||
	    !makes_key_block(C_ARGUMENT_6(context), label_bytes) ||
	    is_unreadable(read_argument_from_7(context, 8, &first)) ||
	    is_unreadable(read_argument_from_7(context, 9, &first_bytes)) ||
	    is_unreadable(read_argument_from_7(context, 10, &second)) ||
	    is_unreadable(read_argument_from_7(context, 11, &second_bytes)))
		return 0;
	/* Server random, client random; BoringSSL gives two seeds, rustls one. */
	if (first_bytes == 2 * SWORN_SECRET_RANDOM_BYTES && second_bytes == 0)
		second = first + SWORN_SECRET_RANDOM_BYTES;
	else if (first_bytes != SWORN_SECRET_RANDOM_BYTES || second_bytes != SWORN_SECRET_RANDOM_BYTES)
		return 0;
	take_master_secret_at(context, &owner, PT_REGS_PARM4(context), first, second);
	return 0;
}
