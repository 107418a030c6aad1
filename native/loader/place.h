/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_LOADER_PLACE_H
#define SWORN_LOADER_PLACE_H

/*
 * Where a probe at the beginning of a function costs least. The kernel can do some instructions for the process itself
 * (push, jumps); any other it puts elsewhere and steps over it, which is a second exception, and on a virtual machine an
 * exit from it: ten times the price of the first. Everybody pays it who has the library, watched or not.
 */

#include <stddef.h>
#include <stdint.h>

/* Bytes from the beginning of a function that are looked at. */
#define SWORN_PLACE_BYTES_MAX 32

/*
 * How far behind `code` the next instruction is that the kernel does itself, when nothing before it changes what a probe
 * reads (registers of arguments, the stack, memory); else 0. Of other processors than x86-64 always 0.
 * Source: arch/x86/kernel/uprobes.c, branch_setup_xol_ops and push_setup_xol_ops
 */
size_t sworn_cheaper_distance(const uint8_t *code, size_t bytes);

/* The same as an offset in a file; `file_offset` itself when it cannot be read. */
uint64_t sworn_cheaper_place(const char *path, uint64_t file_offset);

#endif
