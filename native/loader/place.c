// SPDX-License-Identifier: Apache-2.0

#include "place.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#ifdef __x86_64__

/* How long an instruction is that changes flags at most, or a register that no argument is in; else 0. */
static size_t harmless_bytes(const uint8_t *code, size_t bytes)
{
	static const struct {
		uint8_t code[5];
		uint8_t bytes;
		uint8_t instruction_bytes;
	} whole[] = {
		/* endbr64 */
		{{0xf3, 0x0f, 0x1e, 0xfa}, 4, 4},
		/* How functions of Go begin: cmp 16(%r14),%rsp; with a large frame lea -N(%rsp),%r12; cmp 16(%r14),%r12. */
		{{0x49, 0x3b, 0x66, 0x10}, 4, 4},
		{{0x4c, 0x8d, 0x64, 0x24}, 4, 5},
		{{0x4c, 0x8d, 0xa4, 0x24}, 4, 8},
		{{0x4d, 0x3b, 0x66, 0x10}, 4, 4},
	};

	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (bytes >= whole[i].instruction_bytes && memcmp(code, whole[i].code, whole[i].bytes) == 0)
			return whole[i].instruction_bytes;
	/* test of two registers, of 64 and of 32 bits */
	if (bytes >= 3 && (code[0] & 0xf0) == 0x40 && code[1] == 0x85 && code[2] >= 0xc0)
		return 3;
	if (bytes >= 2 && code[0] == 0x85 && code[1] >= 0xc0)
		return 2;
	return 0;
}

static bool kernel_does_it(const uint8_t *code, size_t bytes)
{
	/* push, also of r8 to r15; jumps on a condition, near and far; jump; call */
	if (bytes >= 1 && code[0] >= 0x50 && code[0] <= 0x57)
		return true;
	if (bytes >= 2 && code[0] == 0x41 && code[1] >= 0x50 && code[1] <= 0x57)
		return true;
	if (bytes >= 2 && code[0] >= 0x70 && code[0] <= 0x7f)
		return true;
	if (bytes >= 6 && code[0] == 0x0f && code[1] >= 0x80 && code[1] <= 0x8f)
		return true;
	return bytes >= 5 && (code[0] == 0xeb || code[0] == 0xe9 || code[0] == 0xe8);
}

size_t sworn_cheaper_distance(const uint8_t *code, size_t bytes)
{
	size_t at = 0, step;

	while (!kernel_does_it(code + at, bytes - at)) {
		step = harmless_bytes(code + at, bytes - at);
		if (!step)
			return 0;
		at += step;
	}
	return at;
}

#else

size_t sworn_cheaper_distance(const uint8_t *code, size_t bytes)
{
	return 0;
}

#endif

uint64_t sworn_cheaper_place(const char *path, uint64_t file_offset)
{
	uint8_t code[SWORN_PLACE_BYTES_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t bytes;

	if (fd < 0)
		return file_offset;
	bytes = pread(fd, code, sizeof(code), (off_t)file_offset);
	close(fd);
	return bytes > 0 ? file_offset + sworn_cheaper_distance(code, (size_t)bytes) : file_offset;
}
