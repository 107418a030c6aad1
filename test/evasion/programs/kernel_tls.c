// SPDX-License-Identifier: Apache-2.0

/* Gives the kernel a key of its own choice: no library derives it. */

#include "way.h"

#include <linux/tls.h>
#include <netinet/tcp.h>

#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
#endif

int main(int count, char **arguments)
{
	struct tls12_crypto_info_aes_gcm_128 key = {.info = {.version = TLS_1_2_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128}};
	int fd = connect_tcp(arguments[1]);

	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 4) < 0) {
		/* The kernel has no such thing. */
		if (errno == ENOENT)
			errno = ENOSYS;
		give_up("TCP_ULP");
	}
	must(setsockopt(fd, SOL_TLS, TLS_TX, &key, sizeof(key)), "TLS_TX");
	send_all(fd, arguments[3], strlen(arguments[3]));
	finish(fd);
	return 0;
}
