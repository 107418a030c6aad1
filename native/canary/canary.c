// SPDX-License-Identifier: Apache-2.0

/*
 * Derives one key of TLS 1.3 with the libcrypto at a path, from a secret that is of no use to anybody: a probe in that file
 * has to see it. Waits for its standard input to end first, so that whoever started it can say which process to look at.
 *
 *   sworn-canary PATH    0: derived · 2: usage · 3: the file cannot be loaded · 4: it has not what is needed · 5: it failed
 */

#include <dlfcn.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

int main(int argc, char **argv)
{
	struct rlimit no_core = {0, 0};
	unsigned char secret[32], key[16];
	char byte;

	if (argc != 2 || argv[1][0] != '/')
		return 2;
	alarm(SECONDS_MAX);
	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;

	void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return 3;
	void *(*kdf_fetch)(void *, const char *, const char *) = dlsym(library, "EVP_KDF_fetch");
	void *(*context_new)(void *) = dlsym(library, "EVP_KDF_CTX_new");
	int (*derive)(void *, unsigned char *, size_t, const struct ossl_param *) = dlsym(library, "EVP_KDF_derive");

	if (!kdf_fetch || !context_new || !derive)
		return 4;
	void *kdf = kdf_fetch(NULL, "TLS13-KDF", NULL);
	void *context = kdf ? context_new(kdf) : NULL;

	if (!context)
		return 5;
	memset(secret, 0x5a, sizeof(secret));
	struct ossl_param params[] = {
		text("mode", "EXPAND_ONLY"),
		text("digest", "SHA256"),
		octets("key", secret, sizeof(secret)),
		octets("prefix", "tls13 ", 6),
		octets("label", "key", 3),
		{0},
	};
	/* The process ends here: nothing is worth freeing. */
	return derive(context, key, sizeof(key), params) == 1 ? 0 : 5;
}
