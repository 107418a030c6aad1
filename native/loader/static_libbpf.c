// SPDX-License-Identifier: Apache-2.0

/*
 * Debian builds libbpf.a for executables, which may address `stderr` directly; a shared object may not. It is the only
 * variable that libbpf takes from elsewhere, so the linker is told (--wrap=stderr in binding.gyp) to give it this one,
 * which is ours. libbpf prints only through the function that the loader sets, so nothing is ever written to it.
 */

#include <stdio.h>

extern FILE *__real_stderr;
__attribute__((visibility("hidden"))) FILE *__wrap_stderr;

__attribute__((constructor)) static void point_at_stderr(void)
{
	__wrap_stderr = __real_stderr;
}
