/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_COMPAT_INODE_H
#define SWORN_BPF_COMPAT_INODE_H

#include <bpf/bpf_core_read.h>

#include "../lib/kernel_types.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
};

/* 6.11 made one number of each part of it. */
struct inode___with_parts {
	__s64 i_ctime_sec;
	__u32 i_ctime_nsec;
};

/* 6.6 renamed it. */
struct inode___with_private_time {
	struct timespec64 __i_ctime;
};

struct inode___with_time {
	struct timespec64 i_ctime;
};

#pragma clang attribute pop

/* From 6.13 on a higher bit says that somebody has asked for the time. */
#define NANOSECONDS ((1U << 30) - 1)

/* When content or attributes of the file were changed last, nanoseconds since the Unix epoch; a copy in its place has another. */
static __always_inline __u64 inode_changed_ns(struct inode *inode)
{
	struct inode___with_parts *newest = (void *)inode;
	struct inode___with_private_time *newer = (void *)inode;
	struct inode___with_time *older = (void *)inode;

	if (bpf_core_field_exists(newest->i_ctime_sec))
		return BPF_CORE_READ(newest, i_ctime_sec) * 1000000000ULL +
		       (BPF_CORE_READ(newest, i_ctime_nsec) & NANOSECONDS);
	if (bpf_core_field_exists(newer->__i_ctime))
		return BPF_CORE_READ(newer, __i_ctime.tv_sec) * 1000000000ULL + BPF_CORE_READ(newer, __i_ctime.tv_nsec);
	return BPF_CORE_READ(older, i_ctime.tv_sec) * 1000000000ULL + BPF_CORE_READ(older, i_ctime.tv_nsec);
}

#endif
