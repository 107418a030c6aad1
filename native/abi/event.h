/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_ABI_EVENT_H
#define SWORN_ABI_EVENT_H

/*
 * The events that the BPF programs write to the ring, and the limits that both sides hold to. Compiled by the BPF
 * programs and by the loader; the TypeScript reader is generated from it (native/abi/generate.ts), so this is the only
 * place where a layout is written down.
 *
 * Units   times are CLOCK_BOOTTIME nanoseconds, offsets and sizes are bytes, ports are in host byte order.
 * Order   of one connection and of one process: the order in the ring. Numbers of types and counters are never reused.
 * Padding is explicit and zero.
 */

#include <linux/types.h>

/** Longest path as written by the kernel side, components and their lengths; a longer one is cut at its root. */
#define SWORN_PATH_BYTES_MAX 2048
/** Steps up a path: its components, and the mounts that it crosses. What is deeper is cut at its root, too. */
#define SWORN_PATH_COMPONENTS_MAX 256
/** argv up to this size travels inside the exec event: nearly all of them, in one event. */
#define SWORN_ARGV_INLINE_BYTES_MAX 2048
/** A longer argv travels before it in pieces of this size. */
#define SWORN_ARGV_PIECE_BYTES 8192
/** 2 MiB: what execve takes with the usual 8 MiB stack limit (a quarter of it). */
#define SWORN_ARGV_PIECES_MAX 256
/** Bytes of a connection travel in records of these sizes: the largest that fits, then the smallest that holds the rest. */
#define SWORN_BYTES_LARGE 8192
#define SWORN_BYTES_MEDIUM 2048
#define SWORN_BYTES_SMALL 512
#define SWORN_BYTES_TINY 128
/** A datagram travels in one record of the smallest of these and this size that holds it: UDP can carry no more. */
#define SWORN_DATAGRAM_BYTES_MAX 65536
/** 512 KiB: a segment can be no larger (BIG TCP), 64 KiB is usual. */
#define SWORN_SEGMENT_PIECES_MAX 64
/** 1 MiB of one call on a unix socket; what is above is a loss. */
#define SWORN_UNIX_CALL_PIECES_MAX 128
/** Parts of a scattered buffer that are followed; UIO_MAXIOV is 1024, more than 64 were never seen on a socket. */
#define SWORN_IOVEC_MAX 64
/** Messages of one sendmmsg or recvmmsg that are counted: the kernel's own limit (UIO_MAXIOV). */
#define SWORN_MESSAGES_MAX 1024
/** 64 KiB: what a segment that ends a handshake may carry. */
#define SWORN_EARLY_PIECES_MAX 32
/** Room for a unix socket's address (sun_path). */
#define SWORN_UNIX_PATH_BYTES 108
/**
 * Key of the exe and cgroup path selections, zero padded. An exe as the kernel side writes paths, a cgroup as text from
 * the root of the hierarchy.
 */
#define SWORN_PATH_KEY_BYTES 256
/** Cgroup levels that are looked at for a selection. */
#define SWORN_CGROUP_LEVELS_MAX 16

enum sworn_event_type {
	SWORN_EVENT_FORK = 1,
	SWORN_EVENT_EXEC = 2,
	SWORN_EVENT_ARGV_PIECE = 3,
	SWORN_EVENT_EXIT = 4,
	/* A running process came into scope: moved into a selected cgroup, asked for, or found at the start. */
	SWORN_EVENT_JOIN = 5,
	SWORN_EVENT_OPEN = 6,
	SWORN_EVENT_CLOSE = 7,
	SWORN_EVENT_BYTES = 8,
	/* Bytes on a listener, that belong to the connection that is about to be opened between the same addresses. */
	SWORN_EVENT_EARLY_BYTES = 9,
	/* Bytes that will not come, though the ring had room to say so. */
	SWORN_EVENT_GAP = 10,
	/* A TLS library has derived a secret, which waits in the map `tls_secrets`: its bytes never are in the ring. */
	SWORN_EVENT_SECRET = 11,
	/* A program or library that is not in the map `known_images` was mapped. */
	SWORN_EVENT_IMAGE = 12,
	/* A workload took a way that the record does not hold by bytes alone, or that a person should know of. */
	SWORN_EVENT_WAY = 13,
	/* A datagram whose port says that it is DNS, whole. */
	SWORN_EVENT_DATAGRAM = 20,
	/* Bytes that a call moved to or from a pipe or a terminal. */
	SWORN_EVENT_STREAM = 21,
};

struct sworn_event {
	__u16 type;
	__u16 flags;
	/* Filled bytes of the record, this header included; the ring's own record may be longer. */
	__u32 size;
	__u64 time_ns;
};

/** A process for its whole life; a tgid alone is reused. */
struct sworn_process_key {
	__u32 tgid;
	__u32 zero;
	__u64 start_ns;
};

/** What a process or a socket belongs to. selection_id 0: to nothing. */
struct sworn_scope {
	__u32 selection_id;
	__u32 zero;
	__u64 session_key;
};

#define SWORN_FLAG_SELECTED 1 /* exec: begins a session */
/* exec: the path was longer than the bound; what is nearer to the root is missing. */
#define SWORN_FLAG_EXE_CUT 2
#define SWORN_FLAG_CWD_CUT 4
#define SWORN_FLAG_CGROUP_CUT 8
#define SWORN_FLAG_TERMINAL 16 /* exec: the process has a controlling terminal */
#define SWORN_FLAG_PARENT_WATCHED 32 /* exec: the parent is of the same session */

struct sworn_fork_event {
	struct sworn_event event;
	struct sworn_process_key process;
	/* The one that called fork; with CLONE_PARENT it is the new one's sibling. */
	struct sworn_process_key parent;
	struct sworn_scope scope;
};

/** Inodes of the two ends of an unnamed pair of unix sockets. */
struct sworn_socket_pair {
	__u64 own;
	__u64 peer;
};

struct sworn_exec_event {
	struct sworn_event event;
	struct sworn_process_key process;
	/* As the kernel has it now: of an orphan, the one that took it in. */
	struct sworn_process_key parent;
	struct sworn_scope scope;
	__u64 cgroup_id;
	__u64 exe_inode;
	/* Ids of the pipes that are its file descriptors 0 and 1; 0 where they are none. */
	__u64 stdin_pipe;
	__u64 stdout_pipe;
	/* What of its file descriptors 0 and 1 is a socket of an unnamed pair, and what is at the other ends; 0 else. */
	struct sworn_socket_pair stdin_sockets;
	struct sworn_socket_pair stdout_sockets;
	__u32 exe_device;
	__u32 uid;
	__u32 gid;
	__u32 login_uid;
	__u32 pid_namespace;
	__u32 mount_namespace;
	__u32 network_namespace;
	/* Whole size of argv; of it `argv_inline_bytes` are here and the rest came before in pieces with this time. */
	__u32 argv_bytes;
	/* Sizes of the parts of `data`, in this order. Paths are components from the leaf to the root: length u8, name. */
	__u16 exe_bytes;
	__u16 cwd_bytes;
	__u16 cgroup_bytes;
	__u16 argv_inline_bytes;
	__u8 data[];
};

struct sworn_argv_piece_event {
	struct sworn_event event;
	__u32 tgid;
	__u32 offset;
	__u32 bytes;
	__u32 zero;
	__u8 data[SWORN_ARGV_PIECE_BYTES];
};

struct sworn_exit_event {
	struct sworn_event event;
	struct sworn_process_key process;
	struct sworn_scope scope;
	/* As wait(2) gives it: code << 8 | core << 7 | signal. */
	__u32 status;
	__u32 zero;
};

struct sworn_join_event {
	struct sworn_event event;
	struct sworn_process_key process;
	struct sworn_process_key parent;
	struct sworn_scope scope;
};

enum sworn_transport {
	SWORN_TRANSPORT_TCP = 1,
	SWORN_TRANSPORT_UDP = 2,
	SWORN_TRANSPORT_UNIX = 3,
};

enum sworn_role {
	SWORN_ROLE_UNKNOWN = 0,
	SWORN_ROLE_CLIENT = 1,
	SWORN_ROLE_SERVER = 2,
};

/** Where a connection goes from and to. IPv4 is in the first four bytes; unix paths are in the open event. */
struct sworn_addresses {
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	/* 4, 6; 0 for unix. */
	__u8 family;
	__u8 transport;
	__u8 role;
	__u8 zero;
	__u32 network_namespace;
	__u32 zero2;
};

#define SWORN_FLAG_JOINED_LATE 1 /* open, close: the first bytes were not watched */
#define SWORN_FLAG_FAILED 2 /* close: never was open */
#define SWORN_FLAG_REDIRECTED 8 /* open, close: to the broker; the remote address is the one that the program asked for */
#define SWORN_FLAG_WITH_SYN 4 /* early bytes: they came with the SYN */

struct sworn_open_event {
	struct sworn_event event;
	/* The connection for its whole life: socket cookie and use of it, or inode of a unix socket with the top bit. */
	__u64 connection;
	struct sworn_process_key process;
	struct sworn_scope scope;
	__u64 started_ns;
	struct sworn_addresses addresses;
	/* Sequence number of received offset 0, and how many bytes TCP had taken from there: both place early bytes. */
	__u32 received_sequence;
	__u32 received_accepted;
	/* Unix sockets: process at the other end, 0 when unknown, and both addresses. */
	__u32 peer_pid;
	__u16 local_path_bytes;
	__u16 remote_path_bytes;
	__u8 local_path[SWORN_UNIX_PATH_BYTES];
	__u8 remote_path[SWORN_UNIX_PATH_BYTES];
};

struct sworn_close_event {
	struct sworn_event event;
	__u64 connection;
	struct sworn_process_key process;
	struct sworn_scope scope;
	__u64 started_ns;
	/* By the socket's own counters: what the program wrote and read since watching began. */
	__u64 sent_bytes;
	__u64 received_bytes;
	/* Written but never left; arrived but was never read. */
	__u64 unsent_bytes;
	__u64 unread_bytes;
	/* Seen by the programs but not handed over. */
	__u64 dropped_sent_bytes;
	__u64 dropped_received_bytes;
	struct sworn_addresses addresses;
	/* errno of the socket. */
	__u32 error;
	/* How long its first segment was not let through, microseconds; all ones when longer than fits. */
	__u32 held_us;
};

enum sworn_direction {
	SWORN_DIRECTION_SENT = 0,
	SWORN_DIRECTION_RECEIVED = 1,
};

struct sworn_bytes_event {
	struct sworn_event event;
	__u64 connection;
	__u64 offset;
	/* The process that sent them, when it could be told; else 0. */
	__u32 tgid;
	__u32 bytes;
	__u32 direction;
	/*
	 * How far these bytes are beyond what the socket had in order when they came. 0: everything before them had come,
	 * so what of it is not in the ring never will be. Else a hole before them may still be filled by the network.
	 */
	__u32 ahead;
	/*
	 * How far the other direction had come: what of that is not in the ring before this event never will be. So both
	 * directions are known to be in order, also where much of them is missing.
	 */
	__u64 other_offset;
	__u8 data[];
};

enum sworn_gap_reason {
	/* The copy failed. */
	SWORN_GAP_REASON_UNREADABLE = 1,
	/* A segment or call larger than the bound. */
	SWORN_GAP_REASON_TOO_LARGE = 2,
	/* Moved by a way that shows no buffer: io_uring, sendfile, splice, sendmmsg, a 32-bit program. */
	SWORN_GAP_REASON_NO_BUFFER = 3,
	/* The agent asked not to have them. */
	SWORN_GAP_REASON_SKIPPED = 4,
};

struct sworn_gap_event {
	struct sworn_event event;
	__u64 connection;
	__u64 offset;
	__u32 direction;
	__u32 bytes;
	__u32 reason;
	__u32 zero;
};

struct sworn_early_bytes_event {
	struct sworn_event event;
	/* As the connection that will be opened has them. */
	struct sworn_addresses addresses;
	__u32 sequence;
	__u32 bytes;
	__u8 data[SWORN_BYTES_MEDIUM];
};

/** What `detail` and `subject` of the event are stands with each. */
enum sworn_way {
	/* Bytes of a unix socket were moved by a call that shows no buffer. Its number, SWORN_CALL_COMPAT; the same. */
	SWORN_WAY_UNREAD_CALL = 1,
	/* A socket of another kind than TCP, UDP, unix. Family << 16 | type; its protocol. */
	SWORN_WAY_SOCKET = 2,
	/* The kernel encrypts what the program sends. 0; connection. */
	SWORN_WAY_KERNEL_TLS = 3,
	/* Pages that left are the program's own, which can change them after the look. SKBFL_ flags; connection. */
	SWORN_WAY_SHARED_PAGES = 4,
	/* A socket that came from an outsider. Bytes of the call by which it was found; connection, 0 for UDP. */
	SWORN_WAY_FOREIGN_SOCKET = 5,
	/* It traces a process. 0; the other's tgid. */
	SWORN_WAY_TRACES = 6,
	/* An outsider traces it. 0; the outsider's tgid. */
	SWORN_WAY_TRACED = 7,
	/* Other namespaces than before. CLONE_NEW flags of those that changed; inode of the network namespace. */
	SWORN_WAY_NAMESPACE = 8,
	/* A program that has no name (any more). 0; its inode. */
	SWORN_WAY_UNLINKED_PROGRAM = 9,
	/* QUIC. Its version, 0 when only the port says so; the remote port. */
	SWORN_WAY_QUIC = 10,
	/* Files came over a unix socket. How many; the socket's inode. */
	SWORN_WAY_FILES_RECEIVED = 11,
	/* By its system call (`watch_syscalls`). The call's number; the process that it acts on, or the flags given. */
	SWORN_WAY_SYSCALL = 12,
	/* An act against the agent, which the guard refused. enum sworn_act; what stands there. */
	SWORN_WAY_REFUSED = 13,
	/* An act against the agent that nobody refused. The same. */
	SWORN_WAY_ATTACK = 14,
};

/** Acts against the agent. Behind each what `subject` of its event is. */
enum sworn_act {
	/* A signal; its number. */
	SWORN_ACT_SIGNAL = 1,
	/* ptrace, or its memory or descriptors by other calls that need the same right; 0. */
	SWORN_ACT_TRACE = 2,
	/* A file of its folder in /proc was opened for writing; 0. */
	SWORN_ACT_PROC_FILE = 3,
	/* A guarded file was opened for writing, changed, made, renamed or removed; sworn_guarded_file.id. */
	SWORN_ACT_FILE = 4,
	/* A map or program of the agent, or any link, was asked for by its id; kind << 32 | id. */
	SWORN_ACT_BPF_OBJECT = 5,
	/* A BPF program that could reach into the agent or the kernel was to be loaded; its type. */
	SWORN_ACT_BPF_LOAD = 6,
	/* A file of a cgroup in which the agent is was written to, or a task moved across one; id of the cgroup. */
	SWORN_ACT_CGROUP = 7,
	/* It was moved into another cgroup; id of that. */
	SWORN_ACT_MOVE = 8,
	/* Its cgroup, or one above, is frozen; id of the cgroup. */
	SWORN_ACT_FREEZE = 9,
	/* Its limits of resources, its priority or its scheduler; 0. */
	SWORN_ACT_LIMIT = 10,
	/* A mount over, or of, what a guarded file is in; sworn_guarded_file.id. */
	SWORN_ACT_MOUNT = 11,
};

/** Kinds of BPF objects in SWORN_ACT_BPF_OBJECT, and in keys of the map `guarded_objects`. */
enum sworn_bpf_kind {
	SWORN_BPF_KIND_MAP = 1,
	SWORN_BPF_KIND_PROGRAM = 2,
	SWORN_BPF_KIND_LINK = 3,
};

/** The one value of the map `guarded`: the agent. */
struct sworn_guarded {
	/* 0: nobody is guarded. */
	__u32 tgid;
	/* Counted up by the guard whenever it is asked about the agent's own bpf(2): that the kernel asks it at all. */
	__u32 asked;
	/* Its task, as the kernel has it; 0 until a program met it. */
	__u64 task;
};

#define SWORN_GUARDED_TREE 1 /* it, and all below it */
#define SWORN_GUARDED_ABOVE 2 /* a folder above one: not to be renamed, nothing to be mounted there */

/** Value of the map `guarded_files`, key struct sworn_image_key. */
struct sworn_guarded_file {
	/* Which of the paths that were given, from 0. */
	__u32 id;
	/* SWORN_GUARDED_*. */
	__u32 flags;
	/* Of the list that it is from. */
	__u32 generation;
	__u32 zero;
};

/** Of a 32-bit program, whose numbers are others. */
#define SWORN_CALL_COMPAT 65536

/** One process, way and subject: told when it is taken for the first, second, fourth, eighth … time. */
struct sworn_way_event {
	struct sworn_event event;
	struct sworn_process_key process;
	struct sworn_scope scope;
	__u32 way;
	__u32 detail;
	__u64 subject;
	/* How often until now. */
	__u64 times;
};

/** Counters of what was missed or passed over, by place and reason. Each slot: events, bytes. */
enum sworn_counter {
	SWORN_COUNTER_FORK_RING_FULL = 0,
	SWORN_COUNTER_EXEC_RING_FULL = 1,
	SWORN_COUNTER_EXIT_RING_FULL = 2,
	SWORN_COUNTER_PROCESS_MAP_FULL = 3,
	SWORN_COUNTER_ARGV_UNREADABLE = 4,
	SWORN_COUNTER_ARGV_TOO_LONG = 5,
	SWORN_COUNTER_PATH_CUT = 6,
	SWORN_COUNTER_OPEN_RING_FULL = 7,
	/* Close events that did not fit wait in the map `late_closes`; only when that is full too are they lost. */
	SWORN_COUNTER_CLOSE_RING_FULL = 8,
	SWORN_COUNTER_CLOSE_LOST = 9,
	SWORN_COUNTER_BYTES_RING_FULL = 10,
	SWORN_COUNTER_BYTES_UNREADABLE = 11,
	SWORN_COUNTER_SEGMENT_TOO_LARGE = 12,
	SWORN_COUNTER_SOCKET_STORAGE = 13,
	/* Not losses: segments that TCP refuses, or has already. */
	SWORN_COUNTER_REFUSED = 14,
	SWORN_COUNTER_RETRANSMITTED = 15,
	SWORN_COUNTER_UDP_MAP_FULL = 16,
	SWORN_COUNTER_UNIX_MAP_FULL = 17,
	/* As SWORN_GAP_REASON_NO_BUFFER. */
	SWORN_COUNTER_UNIX_NO_BUFFER = 18,
	SWORN_COUNTER_UNIX_CALL_TOO_LARGE = 19,
	SWORN_COUNTER_PACKET_UNREADABLE = 20,
	SWORN_COUNTER_JOIN_RING_FULL = 21,
	SWORN_COUNTER_UNIX_UNREADABLE = 22,
	SWORN_COUNTER_COPY_SKIPPED = 23,
	SWORN_COUNTER_SELECTION_MAP_FULL = 24,
	/* A piece of an argv; its exec event may still come, and says that it is not whole. */
	SWORN_COUNTER_ARGV_RING_FULL = 25,
	/* A pid was used again though the exit of the process that had it was never seen. */
	SWORN_COUNTER_PROCESS_STALE = 26,
	/* Unix sockets by system calls only: a workload made an io_uring, whose calls are not seen. */
	SWORN_COUNTER_URING_UNSEEN = 27,
	SWORN_COUNTER_SECRET_RING_FULL = 28,
	SWORN_COUNTER_SECRET_MAP_FULL = 29,
	SWORN_COUNTER_SECRET_UNREADABLE = 30,
	SWORN_COUNTER_IMAGE_RING_FULL = 31,
	SWORN_COUNTER_IMAGE_UNREADABLE = 32,
	SWORN_COUNTER_UNSETTLED_MAP_FULL = 33,
	/* Not a loss: the first segment of a connection was not let through; TCP sends it again. */
	SWORN_COUNTER_HELD = 34,
	/* A connection began though images of its process were not settled: what it encrypts may stay unread. */
	SWORN_COUNTER_HOLD_EXPIRED = 35,
	/* That a way was taken; it is told again when it is taken twice as often. */
	SWORN_COUNTER_WAY_RING_FULL = 40,
	/* Not a loss: connections that were held, and for how many microseconds together, where others count bytes. */
	SWORN_COUNTER_HELD_TIME = 41,
	/* A connect to the address of IMDS was left alone: its socket is in another network namespace than the broker. */
	SWORN_COUNTER_REDIRECT_NAMESPACE = 42,
	/* Bytes of a request to the broker left while no process was at work: who wrote them is looked up in /proc. */
	SWORN_COUNTER_SENDER_UNTOLD = 43,
	/* A caller of the broker could not be noted: the broker refuses it. */
	SWORN_COUNTER_CALLER_LOST = 44,
	/* Keys of SSH, as SWORN_COUNTER_SECRET_* are of TLS. */
	SWORN_COUNTER_KEY_RING_FULL = 45,
	SWORN_COUNTER_KEY_MAP_FULL = 46,
	SWORN_COUNTER_KEY_UNREADABLE = 47,
	/* Pipes and terminals: no room for its account, so nothing of it is seen. */
	SWORN_COUNTER_STREAM_MAP_FULL = 56,
	SWORN_COUNTER_STREAM_RING_FULL = 57,
	SWORN_COUNTER_STREAM_UNREADABLE = 58,
	/* By splice, sendfile, tee. */
	SWORN_COUNTER_STREAM_NO_BUFFER = 59,
	SWORN_COUNTER_STREAM_TOO_LARGE = 60,
	/* A 32-bit program read or wrote something, which may be a pipe or a terminal. */
	SWORN_COUNTER_STREAM_COMPAT = 61,
	/* A workload read or wrote by an io_uring, which may have been a pipe or a terminal; before Linux 6.4, it made one. */
	SWORN_COUNTER_STREAM_URING_UNSEEN = 62,
	/* The end of a read or write was not seen, though its beginning was: somebody else put a program at the same function. */
	SWORN_COUNTER_STREAM_END_UNSEEN = 63,
	SWORN_COUNTERS = 64,
};

struct sworn_counter_value {
	__u64 events;
	__u64 bytes;
};

/** Value of the map `processes`, key tgid. */
struct sworn_process_state {
	__u64 start_ns;
	struct sworn_scope scope;
	/* Programs that it has executed while it is watched, the one by which that began among them. */
	__u32 execs;
	__u32 zero;
};

enum sworn_session_by {
	/* Each selected process begins its own session. */
	SWORN_SESSION_BY_PROCESS = 1,
	/* All that is in one cgroup is one session. */
	SWORN_SESSION_BY_CGROUP = 2,
};

/** Value of the selection maps. */
struct sworn_selection {
	__u32 selection_id;
	__u32 session_by;
};

struct sworn_path_key {
	__u8 path[SWORN_PATH_KEY_BYTES];
} __attribute__((aligned(8)));

/** Value of the map `awaited`, key tgid: a process whose next program is the first of a session. */
struct sworn_awaited {
	struct sworn_scope scope;
	/* Start of the process in hundredths of a second, as /proc gives it: a pid that is used again is not taken for it. */
	__u64 start_ticks;
};

/** Key and value of the map `udp_flows`. */
struct sworn_udp_key {
	__u64 cookie;
	__u8 remote[16];
	__u16 remote_port;
	__u8 family;
	__u8 zero[5];
};

struct sworn_udp_flow {
	struct sworn_scope scope;
	struct sworn_process_key process;
	__u64 first_ns;
	__u64 last_ns;
	__u64 sent_packets;
	__u64 sent_bytes;
	__u64 received_packets;
	__u64 received_bytes;
	__u8 local[16];
	__u16 local_port;
	__u8 zero[6];
};

/** Ports whose datagrams are copied, at either end: DNS, multicast DNS, LLMNR. */
#define SWORN_PORT_DNS 53
#define SWORN_PORT_MDNS 5353
#define SWORN_PORT_LLMNR 5355

struct sworn_datagram_event {
	struct sworn_event event;
	/* Its flow: the row of `udp_flows`, and since when there is one, which tells rows with one key apart. */
	struct sworn_udp_key flow;
	struct sworn_process_key process;
	struct sworn_scope scope;
	__u64 flow_first_ns;
	/* Bytes that went this way in the flow before. */
	__u64 offset;
	__u8 local[16];
	__u16 local_port;
	/* Not 0: several datagrams of this size that left as one packet (UDP_SEGMENT); the last may be shorter. */
	__u16 segment_bytes;
	__u32 direction;
	__u32 bytes;
	/* Of them in `data`: all, or none when they could not be copied. */
	__u32 kept_bytes;
	__u8 data[];
};

/** Value of the map `unix_sockets`, key inode. */
struct sworn_unix_state {
	struct sworn_scope scope;
	struct sworn_process_key process;
	__u64 started_ns;
	__u64 sent_bytes;
	__u64 received_bytes;
	__u64 dropped_sent_bytes;
	__u64 dropped_received_bytes;
	/* Of sent_bytes and received_bytes, those whose events are out, or were dropped. */
	__u64 told_sent_bytes;
	__u64 told_received_bytes;
	/* SWORN_UNIX_*; announced: its open event is out. */
	__u32 flags;
	__u32 zero;
};

#define SWORN_UNIX_ANNOUNCED 1
#define SWORN_UNIX_JOINED 2

enum sworn_stream_kind {
	SWORN_STREAM_KIND_TERMINAL = 1,
	SWORN_STREAM_KIND_PIPE = 2,
};

/** What of a pipe is copied: 16 MiB; what is beyond is only counted. */
#define SWORN_PIPE_COPY_BYTES_MAX 16777216

/**
 * A pipe: inode, and device of its file system << 32 (both cut to 32 and 20 bits). A terminal: major << 20 | number, and
 * the pid of the leader of its session << 32 (cut to 20 bits; 0 when it has none): numbers of ptys are used again.
 */
#define SWORN_TERMINAL_LEADER_MAX 1048575

struct sworn_stream_event {
	struct sworn_event event;
	struct sworn_process_key process;
	struct sworn_scope scope;
	__u64 stream;
	/* Of the first look at it. */
	__u64 started_ns;
	/* In this direction, since then. */
	__u64 offset;
	/* In `data`; and behind these, bytes that will not come, by enum sworn_gap_reason. */
	__u32 bytes;
	__u32 missing;
	__u32 reason;
	/* enum sworn_stream_kind. */
	__u16 kind;
	/* SENT: written to it, RECEIVED: read from it, by this process. */
	__u16 direction;
	/* Of a terminal: c_lflag, c_oflag, and its size in characters. */
	__u32 local_modes;
	__u32 output_modes;
	__u16 columns;
	__u16 rows;
	__u32 zero;
	__u8 data[];
};

/** Value of the map `streams`, key kind << 60 | stream. */
struct sworn_stream_state {
	/* Of the first that was seen to use it. */
	struct sworn_scope scope;
	struct sworn_process_key process;
	__u64 started_ns;
	__u64 written_bytes;
	__u64 read_bytes;
	__u64 last_ns;
	/* Of pipes: who is told of, by enum sworn_direction + 1; each byte once. */
	__u32 told;
	/* Newest of each end. */
	__u32 writer_tgid;
	__u32 reader_tgid;
	/* Its reader has met its end. */
	__u32 ended;
};

/** Key of the map `callers`: a connection to a port of the broker, as the client's socket has it. Addresses as above. */
struct sworn_caller_key {
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	__u8 family;
	__u8 zero[3];
};

/** A process that used a socket, as it was then. */
struct sworn_socket_user {
	struct sworn_process_key process;
	struct sworn_scope scope;
	/* As struct sworn_process_state; 0 outside workloads. */
	__u32 execs;
	__u32 uid;
	__u32 gid;
	__u32 zero;
};

/* A process of another session than the opener's has sent on this connection, now or before. */
#define SWORN_CALLER_STRANGERS 1
/* Of the newest request, who sent a part of it could not be told. */
#define SWORN_CALLER_UNTOLD 2
/* The program asked for the address of IMDS. */
#define SWORN_CALLER_REDIRECTED 4

/** Value of the map `callers`. A request begins with the first bytes after an answer. */
struct sworn_caller {
	struct sworn_socket_user opener;
	/* Of the newest bytes; tgid 0: none was told of yet. */
	struct sworn_socket_user sender;
	__u64 connection;
	__u32 network_namespace;
	/* How often within the newest request another process, or another program, sent than before. */
	__u32 changes;
	/* SWORN_CALLER_*. */
	__u32 flags;
	__u32 zero;
};

/** Value of the map `skips`, key connection: offsets [from, to) of each direction that need not be copied. */
struct sworn_skip {
	__u64 sent_from;
	__u64 sent_to;
	__u64 received_from;
	__u64 received_to;
};

/** What the program at a probe reads; see agent/model/code-image.ts. */
enum sworn_probe_kind {
	SWORN_PROBE_KIND_OPENSSL_KDF = 1,
	SWORN_PROBE_KIND_GO_KEY_LOG = 2,
	SWORN_PROBE_KIND_GNUTLS_HKDF = 3,
	SWORN_PROBE_KIND_GNUTLS_PRF = 4,
	SWORN_PROBE_KIND_BORINGSSL_HKDF = 5,
	SWORN_PROBE_KIND_BORINGSSL_PRF = 6,
	SWORN_PROBE_KIND_OPENSSL11_INPUT = 7,
	SWORN_PROBE_KIND_RING_HMAC_KEY = 8,
	SWORN_PROBE_KIND_RING_HKDF = 9,
	SWORN_PROBE_KIND_RUSTLS_KEY_BLOCK = 10,
	SWORN_PROBE_KIND_OPENSSH_CIPHER = 11,
	SWORN_PROBE_KIND_EVP_CIPHER_INIT = 12,
	SWORN_PROBE_KIND_EVP_CIPHER_INIT_EX = 13,
	SWORN_PROBE_KIND_EVP_ONE_WAY_INIT_EX = 14,
	SWORN_PROBE_KIND_NODE_CIPHER = 15,
	SWORN_PROBE_KIND_GO_SSH_CIPHER = 16,
};

/** Probes that are attached at once, of all kinds and files. */
#define SWORN_PROBES_MAX 4096

/** Value of the map `probe_runs`, key id of a probe: runs in watched processes and the canary, and those that had a secret. */
struct sworn_probe_run {
	__u64 runs;
	__u64 hits;
};

struct sworn_secret_event {
	struct sworn_event event;
	struct sworn_process_key process;
	struct sworn_scope scope;
	__u64 secret_id;
};

enum sworn_secret_kind {
	SWORN_SECRET_KIND_TRAFFIC = 1,
	SWORN_SECRET_KIND_MASTER = 2,
	/* No secret of TLS: the key of a cipher, of SSH perhaps. */
	SWORN_SECRET_KIND_SSH_CIPHER = 3,
};

enum sworn_secret_label {
	SWORN_SECRET_LABEL_UNKNOWN = 0,
	SWORN_SECRET_LABEL_CLIENT_EARLY = 1,
	SWORN_SECRET_LABEL_CLIENT_HANDSHAKE = 2,
	SWORN_SECRET_LABEL_SERVER_HANDSHAKE = 3,
	SWORN_SECRET_LABEL_CLIENT_APPLICATION = 4,
	SWORN_SECRET_LABEL_SERVER_APPLICATION = 5,
};

/** `label` of a key of SSH; 0 is unknown. */
enum sworn_ssh_cipher {
	SWORN_SSH_CIPHER_UNKNOWN = 0,
	SWORN_SSH_CIPHER_AES_CTR = 1,
	SWORN_SSH_CIPHER_AES_GCM = 2,
	SWORN_SSH_CIPHER_AES_CBC = 3,
	SWORN_SSH_CIPHER_CHACHA20 = 4,
};

#define SWORN_SECRET_RANDOM_BYTES 32
/** SHA-384's, and a master secret. */
#define SWORN_SECRET_BYTES_MAX 48
#define SWORN_SECRET_HAS_CLIENT_RANDOM 1
#define SWORN_SECRET_HAS_SERVER_RANDOM 2
/** Of a key of SSH: it encrypts, it decrypts; neither when the place of the probe does not tell. */
#define SWORN_SECRET_HAS_ENCRYPTS 4
#define SWORN_SECRET_HAS_DECRYPTS 8
/** The two keys of chacha20-poly1305@openssh.com, as one. */
#define SWORN_SSH_KEY_BYTES_MAX 64
#define SWORN_SSH_IV_BYTES_MAX 16

/** Value of the map `tls_secrets`, key the secret_id of the event. */
struct sworn_secret {
	__u16 kind;
	__u16 label;
	/* Which of the randoms are there. */
	__u16 has;
	/* 32 or 48; of a key of SSH 16, 24, 32 or 64. */
	__u16 secret_bytes;
	__u8 client_random[SWORN_SECRET_RANDOM_BYTES];
	__u8 server_random[SWORN_SECRET_RANDOM_BYTES];
	__u8 secret[SWORN_SSH_KEY_BYTES_MAX];
	__u8 iv[SWORN_SSH_IV_BYTES_MAX];
	/* 0 when it was not seen. */
	__u16 iv_bytes;
	__u16 zero[3];
};

#define SWORN_FLAG_PROGRAM 1 /* image: it is the program itself */
#define SWORN_FLAG_PATH_CUT 2 /* image: as SWORN_FLAG_EXE_CUT */

struct sworn_image_event {
	struct sworn_event event;
	struct sworn_process_key process;
	struct sworn_scope scope;
	__u64 inode;
	__u32 device;
	__u16 path_bytes;
	__u16 zero;
	/* The path, as exec events have them. */
	__u8 data[];
};

/** Key of the map `known_images`. */
struct sworn_image_key {
	__u64 inode;
	/* As the kernel has it inside: 20 bits of minor. */
	__u32 device;
	__u32 zero;
};

/** Value of the map `known_images`. */
struct sworn_known_image {
	/* When the file was changed last, as of the look at it; 0: as of its first mapping. Another file may get its inode. */
	__u64 changed_ns;
};

/** Value of the map `unsettled`, key tgid. */
struct sworn_unsettled {
	/* Of the first image that is not settled; the hold counts from here. */
	__u64 since_ns;
	/* Time of the newest image event. */
	__u64 newest_ns;
};

#endif
