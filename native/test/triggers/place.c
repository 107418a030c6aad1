/* SPDX-License-Identifier: Apache-2.0 */

/* For code in hexadecimal, each argument: how far behind it a probe costs less. */

#include "../../loader/place.c"

#include <stdio.h>

int main(int count, char **words)
{
	for (int i = 1; i < count; i++) {
		uint8_t code[256];
		unsigned int value;
		size_t bytes = 0;

		while (bytes < sizeof(code) && sscanf(words[i] + 2 * bytes, "%2x", &value) == 1)
			code[bytes++] = value;
		printf("%zu\n", sworn_cheaper_distance(code, bytes));
	}
	return 0;
}
