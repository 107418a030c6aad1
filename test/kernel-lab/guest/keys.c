// SPDX-License-Identifier: Apache-2.0

/* Functions with the arguments of those at which keys of SSH are read: what a probe there makes of them is asked. */

#include "../../../native/abi/event.h"
#include "work.h"

const uint8_t work_key[32] = "a key of thirty-two bytes, here";
const uint8_t work_iv[16] = "sixteen of an iv";

/* openssl/evp.h, struct evp_cipher_st: how it begins. */
static const struct {
	int nid, block_bytes, key_bytes, iv_bytes;
} aes_256_ctr = {906, 1, 32, 16};

static const struct {
	const char *name;
} openssh_aes = {"aes256-ctr"};

#define PROBED __attribute__((noipa))

PROBED int as_openssh(void **to, const void *cipher, const void *key, unsigned key_bytes, const void *iv,
		      unsigned iv_bytes, int encrypts)
{
	__asm__ volatile("" : : : "memory");
	return encrypts;
}

PROBED int as_evp(void *context, const void *type, const void *key, const void *iv, int encrypts)
{
	__asm__ volatile("" : : : "memory");
	return encrypts + 1;
}

PROBED int as_evp_ex(void *context, const void *type, void *engine, const void *key, const void *iv, int encrypts)
{
	__asm__ volatile("" : : : "memory");
	return encrypts + 2;
}

PROBED int as_evp_one_way(void *context, const void *type, void *engine, const void *key, const void *iv)
{
	__asm__ volatile("" : : : "memory");
	return 3;
}

PROBED int as_node(void *self, const char *type, const void *cipher, const void *key, int key_bytes, const void *iv,
		   int iv_bytes, unsigned tag_bytes)
{
	__asm__ volatile("" : : : "memory");
	return iv_bytes;
}

static int pass_openssh(void)
{
	as_openssh(0, &openssh_aes, work_key, 32, work_iv, 16, 1);
	return 0;
}

static int pass_evp(void)
{
	as_evp((void *)&openssh_aes, &aes_256_ctr, work_key, work_iv, 1);
	return 0;
}

/* In two calls, as libraries do it that set the type first. */
static int pass_evp_ex(void)
{
	as_evp_ex((void *)&openssh_aes, &aes_256_ctr, 0, 0, 0, 1);
	as_evp_ex((void *)&openssh_aes, 0, 0, work_key, work_iv, 1);
	return 0;
}

static int pass_evp_one_way(void)
{
	as_evp_one_way(0, &aes_256_ctr, 0, work_key, work_iv);
	return 0;
}

static int pass_node(void)
{
	as_node(0, "aes-256-ctr", 0, work_key, 32, work_iv, 16, 0);
	return 0;
}

#ifdef __x86_64__
__attribute__((naked, noipa)) static void as_go(void)
{
	__asm__("nop\n\tret");
}

/* How Go passes arguments: two slices, pointer, length and capacity each. */
static int pass_go(void)
{
	register long iv_bytes __asm__("rsi") = 16;
	register long capacity __asm__("r8") = 16;

	__asm__ volatile("sub $128, %%rsp\n\tcall *%[function]\n\tadd $128, %%rsp"
			 : "+r"(iv_bytes), "+r"(capacity)
			 : "a"(work_key), "b"(32L), "c"(32L), "D"(work_iv), [function] "r"(as_go)
			 : "memory", "cc");
	return 0;
}
#endif

const struct key_place key_places[] = {
	{"cipher_init of OpenSSH", SWORN_PROBE_KIND_OPENSSH_CIPHER, as_openssh, pass_openssh, SWORN_SECRET_HAS_ENCRYPTS,
	 SWORN_SSH_CIPHER_AES_CTR},
	{"EVP_CipherInit", SWORN_PROBE_KIND_EVP_CIPHER_INIT, as_evp, pass_evp, SWORN_SECRET_HAS_ENCRYPTS,
	 SWORN_SSH_CIPHER_AES_CTR},
	{"EVP_CipherInit_ex", SWORN_PROBE_KIND_EVP_CIPHER_INIT_EX, as_evp_ex, pass_evp_ex, SWORN_SECRET_HAS_ENCRYPTS,
	 SWORN_SSH_CIPHER_AES_CTR},
	{"EVP_EncryptInit_ex", SWORN_PROBE_KIND_EVP_ONE_WAY_INIT_EX, as_evp_one_way, pass_evp_one_way, 0,
	 SWORN_SSH_CIPHER_AES_CTR},
	{"CipherBase of Node", SWORN_PROBE_KIND_NODE_CIPHER, as_node, pass_node, 0, SWORN_SSH_CIPHER_AES_CTR},
#ifdef __x86_64__
	{"newAESCTR of Go", SWORN_PROBE_KIND_GO_SSH_CIPHER, as_go, pass_go, 0, SWORN_SSH_CIPHER_UNKNOWN},
#endif
};
const size_t key_place_count = sizeof(key_places) / sizeof(key_places[0]);
