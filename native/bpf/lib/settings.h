/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_SETTINGS_H
#define SWORN_BPF_SETTINGS_H

#include "../../abi/settings.h"

/* Set before load; the verifier removes what they make unreachable. */

/* 1: every program returns at once. The floor that the benches measure against. */
extern const volatile __u32 passive;
/* 1: unix sockets are nobody's business. */
extern const volatile __u32 without_unix;
/* 1: unix sockets are read where the tracepoints of socket calls are. */
extern const volatile __u32 unix_by_socket;
/* The reader is woken when this much waits; before that it looks by itself, every few milliseconds. */
extern const volatile __u32 wake_bytes;
/* 1: programs at probes may wait for a page of the process that is not in memory (kernel 6.0 and newer). */
extern const volatile __u32 probes_sleep;

/* Of enum sworn_stream_kind, 1 << kind: which are read. */
extern const volatile __u32 stream_kinds;

/* Changed while the programs run, by the loader. */
extern struct sworn_live_settings live;

#endif
