// SPDX-License-Identifier: Apache-2.0

/*
 * Derives keys of TLS with the library at a path, from secrets that are of no use to anybody: probes in that file have to see
 * it. Knows libcrypto of OpenSSL 3 and 1.1, and GnuTLS. Waits for its standard input to end first, so that whoever started
 * it can say which process to look at.
 *
 *   sworn-canary PATH
 *   sworn-canary --run PROGRAM ARGUMENT…    becomes the program, with the same little that it may do
 *
 * 0: derived · 2: usage · 3: the file cannot be loaded · 4: it has not what is needed · 5: it failed
 */

#include <dlfcn.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/** It takes some milliseconds; whatever goes wrong in a library ends with it. */
#define SECONDS_MAX 10

/* openssl/core.h: part of the interface that providers are built against. */
struct ossl_param {
	const char *key;
	unsigned int data_type;
	void *data;
	size_t data_size;
	size_t return_size;
};

#define PARAM_UTF8_STRING 4
#define PARAM_OCTET_STRING 5

static struct ossl_param text(const char *key, char *value)
{
	return (struct ossl_param){key, PARAM_UTF8_STRING, value, strlen(value), 0};
}

static struct ossl_param octets(const char *key, void *value, size_t size)
{
	return (struct ossl_param){key, PARAM_OCTET_STRING, value, size, 0};
}

#define DERIVED 0
#define LACKS_FUNCTIONS 4
#define FAILED 5

static unsigned char secret[48], seed[64], output[128];

/* What TLS 1.3 says when it makes a key (RFC 8446, 7.1): 16 bytes, label, no context. */
static unsigned char key_label[] = "\0\x10\x09" "tls13 key" "\0";
static char block_label[] = "key expansion";

static int derive_by_openssl3(void *library)
{
	void *(*kdf_fetch)(void *, const char *, const char *) = dlsym(library, "EVP_KDF_fetch");
	void *(*context_new)(void *) = dlsym(library, "EVP_KDF_CTX_new");
	int (*derive)(void *, unsigned char *, size_t, const struct ossl_param *) = dlsym(library, "EVP_KDF_derive");

	if (!kdf_fetch || !context_new || !derive)
		return LACKS_FUNCTIONS;
	void *kdf = kdf_fetch(NULL, "TLS13-KDF", NULL);
	void *context = kdf ? context_new(kdf) : NULL;

	if (!context)
		return FAILED;
	struct ossl_param params[] = {
		text("mode", "EXPAND_ONLY"),
		text("digest", "SHA256"),
		octets("key", secret, 32),
		octets("prefix", "tls13 ", 6),
		octets("label", "key", 3),
		{0},
	};
	/* The process ends here: nothing is worth freeing. */
	return derive(context, output, 16, params) == 1 ? DERIVED : FAILED;
}

/* openssl/evp.h, openssl/kdf.h and openssl/obj_mac.h of 1.1. */
#define NID_TLS1_PRF 1021
#define OPERATION_DERIVE 0x400
#define CTRL_TLS_MD 0x1000
#define CTRL_TLS_SECRET 0x1001
#define CTRL_TLS_SEED 0x1002

static int derive_by_openssl11(void *library)
{
	void *(*context_new)(int, void *) = dlsym(library, "EVP_PKEY_CTX_new_id");
	int (*derive_init)(void *) = dlsym(library, "EVP_PKEY_derive_init");
	int (*ctrl)(void *, int, int, int, int, void *) = dlsym(library, "EVP_PKEY_CTX_ctrl");
	int (*derive)(void *, unsigned char *, size_t *) = dlsym(library, "EVP_PKEY_derive");
	void *(*sha256)(void) = dlsym(library, "EVP_sha256");

	if (!context_new || !derive_init || !ctrl || !derive || !sha256)
		return LACKS_FUNCTIONS;
	void *context = context_new(NID_TLS1_PRF, NULL);
	const struct {
		int command, bytes;
		void *value;
	} inputs[] = {
		{CTRL_TLS_MD, 0, sha256()},
		{CTRL_TLS_SECRET, 48, secret},
		{CTRL_TLS_SEED, sizeof(block_label) - 1, block_label},
		{CTRL_TLS_SEED, 32, seed},
		{CTRL_TLS_SEED, 32, seed + 32},
	};
	size_t bytes = sizeof(output);

	if (!context || derive_init(context) != 1)
		return FAILED;
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
		if (ctrl(context, -1, OPERATION_DERIVE, inputs[i].command, inputs[i].bytes, inputs[i].value) != 1)
			return FAILED;
	return derive(context, output, &bytes) == 1 ? DERIVED : FAILED;
}

/* gnutls/gnutls.h: gnutls_datum_t, GNUTLS_MAC_SHA256. */
struct gnutls_datum {
	unsigned char *data;
	unsigned int size;
};

#define GNUTLS_MAC_SHA256 6

static int derive_by_gnutls(void *library)
{
	int (*expand)(int, const struct gnutls_datum *, const struct gnutls_datum *, void *, size_t) =
		dlsym(library, "gnutls_hkdf_expand");
	int (*prf)(int, size_t, const void *, size_t, const char *, size_t, const unsigned char *, size_t, void *) =
		dlsym(library, "_gnutls_prf_raw");
	const struct gnutls_datum key = {secret, 32}, info = {key_label, sizeof(key_label) - 1};

	if (!expand || !prf)
		return LACKS_FUNCTIONS;
	if (expand(GNUTLS_MAC_SHA256, &key, &info, output, 16) != 0)
		return FAILED;
	return prf(GNUTLS_MAC_SHA256, 48, secret, sizeof(block_label) - 1, block_label, sizeof(seed), seed,
		   sizeof(output), output) == 0
		       ? DERIVED
		       : FAILED;
}

/* The agent's rights are not for what it exercises: neither for this process nor for a program that it becomes. */
static int drop_rights(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return (int)syscall(SYS_capset, &header, none);
}

int main(int argc, char **argv)
{
	struct rlimit no_core = {0, 0};
	char byte;

	const int runs = argc > 2 && strcmp(argv[1], "--run") == 0;

	if (!runs && (argc != 2 || argv[1][0] != '/'))
		return 2;
	alarm(SECONDS_MAX);
	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (drop_rights())
		return FAILED;
	if (runs) {
		execv(argv[2], argv + 2);
		return 3;
	}
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;

	void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return 3;
	memset(secret, 0x5a, sizeof(secret));
	memset(seed, 0xa5, sizeof(seed));
	/* A library is asked with those that it needs, and GnuTLS may need a libcrypto: never the other way round. */
	if (dlsym(library, "gnutls_hkdf_expand"))
		return derive_by_gnutls(library);
	return dlsym(library, "EVP_KDF_derive") ? derive_by_openssl3(library) : derive_by_openssl11(library);
}
