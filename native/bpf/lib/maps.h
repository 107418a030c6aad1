/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_MAPS_H
#define SWORN_BPF_MAPS_H

/*
 * The maps that the programs share; maps.bpf.c holds them, the linker joins the objects.
 * Sizes marked (set at load) are defaults that the loader may change before the maps are made.
 */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../../abi/event.h"

/* PID_MAX_LIMIT of 64-bit kernels: no tgid is as large. */
#define SWORN_PIDS_MAX (4 * 1024 * 1024)

/* The state of a watched TCP or UDP socket; lives and dies with the socket. */
struct socket_state {
	struct sworn_scope scope;
	struct sworn_process_key process;
	__u64 started_ns;
	__u64 connection;
	/* Sequence number of offset 0 of each direction. */
	__u32 sent_base;
	__u32 received_base;
	/* End of the highest segment seen. */
	__u64 sent_next;
	__u64 received_next;
	/* Of what was sent, how much is in the ring or was dropped: sent_next is ahead of it while a segment is looked at. */
	__u64 sent_told;
	__u64 dropped_sent_bytes;
	__u64 dropped_received_bytes;
	/* Offset of the FIN that came, all ones while none came. */
	__u64 received_fin;
	/*
	 * As the connection has them; after its end the socket has them no longer. From before it opens only the
	 * process that connects touches them.
	 */
	struct sworn_addresses addresses;
	/* The socket's counters and error when it closed: disconnect resets them, and programs take the error. */
	__u32 final_write_seq;
	__u32 final_snd_nxt;
	__u32 final_copied_seq;
	__u32 error;
	/* Changed by atomic operations: packets are looked at without the socket's lock. */
	__u32 flags;
	/* How long its first segment was not let through, without what began at held_since_ns. */
	__u32 held_us;
	/* Since when its first segment is not let through; 0: it is. */
	__u64 held_since_ns;
	/* A socket can be connected again after it failed or was disconnected. */
	__u32 uses;
	__u32 zero;
	/* Who made this of a socket that was open before: by it, of several that try at once, one knows that it was it. */
	__u64 joiner;
};

#define SOCKET_OPENED (1 << 0)
#define SOCKET_ANNOUNCED (1 << 1)
#define SOCKET_JOINED (1 << 2)
#define SOCKET_LISTENER (1 << 3)
#define SOCKET_FIN_SENT (1 << 4)
#define SOCKET_CLOSED (1 << 5)
#define SOCKET_BASE_KNOWN (1 << 6)
/* Not of a workload: watched only so that the broker learns who connected to it. */
#define SOCKET_CALLER_ONLY (1 << 7)
/* The final_ fields are set. */
#define SOCKET_ENDED (1 << 8)
/* To a port of the broker: who sends is noted (lib/broker_call.h). */
#define SOCKET_TO_BROKER (1 << 9)
/* The program asked for the address of IMDS. */
#define SOCKET_REDIRECTED (1 << 10)
/* These ways were told of it. */
#define SOCKET_SHARED_PAGES (1 << 20)
#define SOCKET_KERNEL_TLS (1 << 21)

/*
 * events: all events, one ring, so that their order is one order.
 * Written by all programs, read by the loader. 16 MiB (set at load): 100 ms of 160 MB/s. Full: the event is counted
 * in `counters`, and bytes of a connection also in its socket_state.
 */
struct events_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024 * 1024);
};
extern struct events_map events SEC(".maps");

/*
 * processes: tgid -> state, for each process of a workload; absent means not watched.
 * Written at fork, exec and attach, and by the loader for processes that run already; deleted at exit.
 * Full: the new process is not watched, SWORN_COUNTER_PROCESS_MAP_FULL says so.
 */
struct processes_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct sworn_process_state);
};
extern struct processes_map processes SEC(".maps");

/*
 * watched_pids: one bit for each tgid that there may be, set while `processes` may have it, in words of 64. It lets
 * outsiders go in a tenth of the time that a look into the hash takes. Set with the entry of `processes`, before anybody
 * asks; cleared at exit, before the tgid can be given to another. An entry that goes otherwise leaves its bit: it costs time.
 */
struct watched_pids_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SWORN_PIDS_MAX / 64);
	__type(key, __u32);
	__type(value, __u64);
};
extern struct watched_pids_map watched_pids SEC(".maps");

/*
 * joined: tgid, of the watched processes that ran already when that began: only they can have unix sockets that nobody
 * saw them open. Written with their entry in processes, deleted at exit, and at their next exec, which notes what they have.
 * Full: such sockets are taken for new ones when their next bytes move, and no joined-late mark says what was missed.
 */
struct joined_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u8);
};
extern struct joined_map joined SEC(".maps");

/*
 * sockets: the state of a watched TCP or UDP socket; a listener's is cloned to what it accepts.
 * Made when a watched process connects, listens, or makes a UDP socket; freed by the kernel with the socket.
 * No memory: the connection is not watched, SWORN_COUNTER_SOCKET_STORAGE says so.
 */
struct sockets_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct socket_state);
};
extern struct sockets_map sockets SEC(".maps");

/*
 * counters: what was missed or passed over. Written by all programs, read by the loader, never reset.
 */
struct counters_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SWORN_COUNTERS);
	__type(key, __u32);
	__type(value, struct sworn_counter_value);
};
extern struct counters_map counters SEC(".maps");

/*
 * late_closes: close events that found the ring full; the loader takes them from here.
 * Full: lost, SWORN_COUNTER_CLOSE_LOST says so.
 */
struct late_closes_map {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 16384);
	__type(value, struct sworn_close_event);
};
extern struct late_closes_map late_closes SEC(".maps");

/* skips: connection -> offsets that need no copy. Written and deleted by the loader. Empty in most runs. */
struct skips_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct sworn_skip);
};
extern struct skips_map skips SEC(".maps");

/* Selections, written by the loader: what makes a process the first of a session. */
struct selections_uid_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct sworn_selection);
};
extern struct selections_uid_map selections_uid SEC(".maps");

struct selections_cgroup_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct sworn_selection);
};
extern struct selections_cgroup_map selections_cgroup SEC(".maps");

/* Cgroups that may come: when one is made at such a path, its id goes to selections_cgroup at once. */
struct selections_cgroup_path_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct sworn_path_key);
	__type(value, struct sworn_selection);
};
extern struct selections_cgroup_path_map selections_cgroup_path SEC(".maps");

struct selections_exe_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct sworn_path_key);
	__type(value, struct sworn_selection);
};
extern struct selections_exe_map selections_exe SEC(".maps");

/*
 * awaited: tgid -> scope of a process that asked to be watched from its next exec on (`sworn run`). Written by the loader,
 * deleted at that exec. The oldest goes when full: that process is not watched, and its caller was told otherwise, so
 * the size is far above what can be under way.
 */
struct awaited_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct sworn_awaited);
};
extern struct awaited_map awaited SEC(".maps");

/*
 * udp_flows: what was sent to and received from each address by each watched UDP socket.
 * Written by socket.bpf.c; read and, when idle, deleted by the loader. Full: counted as lost.
 */
struct udp_flows_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sworn_udp_key);
	__type(value, struct sworn_udp_flow);
};
extern struct udp_flows_map udp_flows SEC(".maps");

/*
 * unix_sockets: inode -> state of the unix sockets that watched processes use.
 * Written by unix.bpf.c; deleted by the loader once the socket is gone. Full: counted as lost.
 */
struct unix_sockets_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct sworn_unix_state);
};
extern struct unix_sockets_map unix_sockets SEC(".maps");

/*
 * streams: kind << 60 | stream -> its account. Written by the programs at pipes and terminals; deleted by the loader when those
 * that used it have ended. Full: nothing of a further one is seen, SWORN_COUNTER_STREAM_MAP_FULL says so.
 */
struct streams_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct sworn_stream_state);
};
extern struct streams_map streams SEC(".maps");

/*
 * stream_calls: thread, and nested << 32 -> start of the thread that is within a function at which pipes and terminals are read.
 * Written at its beginning, deleted at its end. The oldest goes when full: an end that is not seen is not told then.
 */
struct stream_calls_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u64);
};
extern struct stream_calls_map stream_calls SEC(".maps");

/* What is known of a connection to the broker; lives and dies with the client's socket. */
struct broker_call {
	/* As it is published in `callers`; changes and flags by atomic operations, the rest of it by the newest sender. */
	struct sworn_caller caller;
	struct sworn_caller_key key;
	/* Sequence numbers: end of what has left, end of what calls that are over wrote, what had come when the newest
	 * request began. */
	__u32 left;
	__u32 written;
	__u32 answered;
	/* The last that sent within the newest request; 0: none yet. */
	__u32 sender_tgid;
	/* The next connect of this socket is redirected. */
	__u32 redirects;
	/* The connection is over: nothing is published any more. */
	__u32 over;
};

/* broker_calls: made when a socket connects to the broker; freed by the kernel with the socket. No memory: the broker refuses. */
struct broker_calls_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct broker_call);
};
extern struct broker_calls_map broker_calls SEC(".maps");

/*
 * callers: connection to the broker -> who opened it and who sends, of all processes of the host. Whole values only, so that
 * no reader sees half of one. Written when a socket connects or sends, deleted when it closes; read by the loader at each
 * request. The oldest goes when full; the broker then refuses.
 */
struct callers_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct sworn_caller_key);
	__type(value, struct sworn_caller);
};
extern struct callers_map callers SEC(".maps");

/* redirects: selection_id of those whose connects to IMDS are turned to the broker. Written and deleted by the loader. */
struct redirects_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u8);
};
extern struct redirects_map redirects SEC(".maps");

/*
 * tls_secrets: id -> secret of TLS or key of SSH, from the moment it is derived until the loader takes it out for its event.
 * Written by the programs at probes. Full: the secret is lost, SWORN_COUNTER_SECRET_MAP_FULL says so.
 */
struct tls_secrets_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct sworn_secret);
};
extern struct tls_secrets_map tls_secrets SEC(".maps");

/* probe_runs: id of a probe, its cookie -> what it did. Written by the programs at probes, read and reset by the loader. */
struct probe_runs_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SWORN_PROBES_MAX);
	__type(key, __u32);
	__type(value, struct sworn_probe_run);
};
extern struct probe_runs_map probe_runs SEC(".maps");

/*
 * known_images: files that need not be told of when they are mapped. Written and deleted by the loader.
 * Full: setting one fails; then it is told of each time.
 */
struct known_images_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sworn_image_key);
	__type(value, struct sworn_known_image);
};
extern struct known_images_map known_images SEC(".maps");

/*
 * unsettled: tgid -> since when it has images that nobody has looked at yet. Written with their events; deleted by the
 * loader, and at exit. Full: its connections are not held, SWORN_COUNTER_UNSETTLED_MAP_FULL says so.
 */
struct unsettled_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct sworn_unsettled);
};
extern struct unsettled_map unsettled SEC(".maps");

/* guarded: the agent that is guarded, and that acts against are told of. Written by the loader and by programs that meet its task. */
struct guarded_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sworn_guarded);
};
extern struct guarded_map guarded SEC(".maps");

#endif
