/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_ABI_SETTINGS_H
#define SWORN_ABI_SETTINGS_H

#include <linux/types.h>

/* Ports at which the broker listens, but for the one for IMDS. */
#define SWORN_BROKER_PORTS_MAX 4

/* Changed while the programs run, by the loader. */
struct sworn_live_settings {
	/* How many entries the selection maps hold: 0 saves the lookup. */
	__u32 selections_uid;
	__u32 selections_cgroup;
	__u32 selections_cgroup_path;
	__u32 selections_exe;
	/* Whether `awaited` ever had an entry. */
	__u32 awaited;
	/* Entries of `skips`. */
	__u32 skips;
	/* Inode of the network namespace in which the broker listens. */
	__u32 broker_namespace;
	/* Where the broker listens, host byte order; the first is 0: nowhere. */
	__u16 broker_ports[SWORN_BROKER_PORTS_MAX];
	/* Where connects to IMDS are turned to, host byte order; 0: they are not. */
	__u16 imds_port;
	__u16 zero;
	/* Counted up by the programs: processes that scan_processes has found. */
	__u32 found;
	__u32 zero3;
	/*
	 * Until then (CLOCK_BOOTTIME) a socket that nobody watches may be one that a workload was handed just now. Set by
	 * the programs, cleared by the loader when it is over; 0 saves outsiders the question.
	 */
	__u64 handed_until_ns;
	/* A process of the agent's own that exercises a probe: counted, and its secrets thrown away; 0: none. */
	__u32 canary_tgid;
	/* 1: images that are not known are told of. */
	__u32 images;
	__u32 zero2;
	/* How long the connections of a process wait for its images to be settled; 0: they do not. */
	__u64 hold_ns;
};

#endif
