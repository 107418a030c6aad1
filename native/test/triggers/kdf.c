// SPDX-License-Identifier: Apache-2.0

/*
 * kdf CASE...
 *
 * Calls a function with the name and the arguments of OpenSSL's EVP_KDF_derive, as a TLS library would, and as nobody
 * should: what a probe there makes of it is the test's business. "many N" makes N derivations, each of another secret,
 * that begins with its number.
 */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct param {
	const char *name;
	unsigned type;
	const void *data;
	size_t data_bytes;
	size_t return_bytes;
};

__attribute__((noinline)) int EVP_KDF_derive(void *context, unsigned char *key, size_t bytes, const struct param *params)
{
	__asm__ volatile("" : : "r"(context), "r"(key), "r"(bytes), "r"(params) : "memory");
	return 1;
}

static unsigned char secret[64];
static unsigned char randoms[2][32];

static void derive(const struct param *params)
{
	EVP_KDF_derive(NULL, NULL, 32, params);
}

static void tls13(const char *label, size_t label_bytes, size_t secret_bytes)
{
	derive((struct param[]){{"mode", 1, "", 4, 0},
				{"key", 5, secret, secret_bytes, 0},
				{"prefix", 5, "tls13 ", 6, 0},
				{"label", 5, label, label_bytes, 0},
				{NULL, 0, NULL, 0, 0}});
}

static void tls12(const char *label, size_t label_bytes)
{
	derive((struct param[]){{"digest", 4, "SHA256", 0, 0},
				{"secret", 5, secret, 48, 0},
				{"seed", 5, label, label_bytes, 0},
				{"seed", 5, randoms[0], 32, 0},
				{"seed", 5, randoms[1], 32, 0},
				{NULL, 0, NULL, 0, 0}});
}

/* An array without an end, of names that mean nothing. */
static void endless(void)
{
	static struct param params[4096];

	for (size_t i = 0; i < 4096; i++)
		params[i].name = "nothing";
	derive(params);
}

/* A name in a page of a file that this process has never touched. */
static void untouched(void)
{
	char path[] = "/tmp/sworn-kdf-XXXXXX";
	int fd = mkstemp(path);
	char *page;

	if (fd < 0 || ftruncate(fd, 65536) || pwrite(fd, "label", 6, 40960) != 6)
		exit(2);
	page = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE, fd, 0);
	unlink(path);
	derive((struct param[]){{"key", 5, secret, 32, 0},
				{"prefix", 5, "tls13 ", 6, 0},
				{page + 40960, 5, "key", 3, 0},
				{NULL, 0, NULL, 0, 0}});
}

int main(int count, char **arguments)
{
	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = 0xa0 ^ i;
	memset(randoms[0], 0x55, 32);
	memset(randoms[1], 0xcc, 32);
	for (int i = 1; i < count; i++) {
		const char *what = arguments[i];

		if (!strcmp(what, "tls13"))
			tls13("key", 3, 32);
		else if (!strcmp(what, "tls13-384"))
			tls13("key", 3, 48);
		else if (!strcmp(what, "tls12"))
			tls12("key expansion", 13);
		else if (!strcmp(what, "untouched"))
			untouched();
		else if (!strcmp(what, "other-labels")) {
			tls13("iv", 2, 32);
			tls13("finished", 8, 32);
			tls13("kez", 3, 32);
			tls12("master secret", 13);
			tls12("extended master secret", 22);
			derive(NULL);
		} else if (!strcmp(what, "wrong-sizes")) {
			tls13("key", 3, 31);
			tls13("key", 3, 64);
			tls13("key", (size_t)-1, 32);
			tls13("key", 3, (size_t)-1);
		} else if (!strcmp(what, "endless")) {
			endless();
		} else if (!strcmp(what, "unreadable")) {
			derive((struct param *)16);
			derive((struct param[]){{(char *)16, 0, NULL, 0, 0}});
			tls13((char *)16, 3, 32);
		} else if (!strcmp(what, "many") && i + 1 < count) {
			uint32_t times = (uint32_t)atoi(arguments[++i]);

			for (uint32_t n = 0; n < times; n++) {
				memcpy(secret, &n, sizeof(n));
				tls13("key", 3, 32);
			}
		} else {
			return 2;
		}
	}
	return 0;
}
