// SPDX-License-Identifier: Apache-2.0

#include "sha256.h"

#include <stdio.h>
#include <string.h>

static uint32_t constants[64];
static uint32_t first_state[8];

/* The first 32 bits of the fraction of a root: FIPS 180-4 defines its numbers so. */
static uint32_t fraction_bits(long double root)
{
	return (uint32_t)((root - (uint64_t)root) * 4294967296.0L);
}

static long double root_of(unsigned number, int cube)
{
	long double low = 0, high = number;

	for (int i = 0; i < 200; i++) {
		long double middle = (low + high) / 2;

		if ((cube ? middle * middle * middle : middle * middle) > number)
			high = middle;
		else
			low = middle;
	}
	return low;
}

static void make_constants(void)
{
	int found = 0;

	if (constants[0])
		return;
	for (unsigned number = 2; found < 64; number++) {
		unsigned divisor = 2;

		while (divisor * divisor <= number && number % divisor)
			divisor++;
		if (divisor * divisor <= number)
			continue;
		if (found < 8)
			first_state[found] = fraction_bits(root_of(number, 0));
		constants[found++] = fraction_bits(root_of(number, 1));
	}
}

static uint32_t rotate(uint32_t word, int bits)
{
	return word >> bits | word << (32 - bits);
}

static void add_block(struct sha256 *sum, const uint8_t *block)
{
	uint32_t w[64], s[8];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 64; i++) {
		uint32_t a = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
		uint32_t b = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;

		w[i] = w[i - 16] + a + w[i - 7] + b;
	}
	memcpy(s, sum->state, sizeof(s));
	for (int i = 0; i < 64; i++) {
		uint32_t one = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) +
			       ((s[4] & s[5]) ^ (~s[4] & s[6])) + constants[i] + w[i];
		uint32_t two = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) +
			       ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));

		memmove(s + 1, s, 7 * sizeof(*s));
		s[4] += one;
		s[0] = one + two;
	}
	for (int i = 0; i < 8; i++)
		sum->state[i] += s[i];
}

void sha256_begin(struct sha256 *sum)
{
	make_constants();
	memset(sum, 0, sizeof(*sum));
	memcpy(sum->state, first_state, sizeof(first_state));
}

void sha256_add(struct sha256 *sum, const void *bytes, size_t count)
{
	const uint8_t *from = bytes;

	while (count) {
		size_t used = sum->bytes % 64, take = 64 - used < count ? 64 - used : count;

		memcpy(sum->block + used, from, take);
		sum->bytes += take;
		from += take;
		count -= take;
		if (sum->bytes % 64 == 0)
			add_block(sum, sum->block);
	}
}

void sha256_end(struct sha256 sum, char text[65])
{
	uint64_t bits = sum.bytes * 8;
	uint8_t length[8];

	for (int i = 0; i < 8; i++)
		length[i] = (uint8_t)(bits >> (56 - 8 * i));
	sha256_add(&sum, "\x80", 1);
	while (sum.bytes % 64 != 56)
		sha256_add(&sum, "", 1);
	sha256_add(&sum, length, 8);
	for (int i = 0; i < 8; i++)
		snprintf(text + 8 * i, 9, "%08x", sum.state[i]);
}
