/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACT_SHA256_H
#define ACT_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* SHA-256 as FIPS 180-4 has it. A copy of a running sum can be ended while the sum itself goes on. */
struct sha256 {
	uint32_t state[8];
	uint64_t bytes;
	uint8_t block[64];
};

void sha256_begin(struct sha256 *sum);
void sha256_add(struct sha256 *sum, const void *bytes, size_t count);
/* Writes 64 hexadecimal digits and a NUL. */
void sha256_end(struct sha256 sum, char text[65]);

#endif
