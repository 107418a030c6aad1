// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * What was there before it was watched: processes that run already, and the sockets that they have open. Iterators: the
 * loader runs them, over one process or over all. A socket found here is marked as joined late, from where it stands now.
 */

#include "lib/maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lib/connection.h"
#include "lib/emit.h"
#include "lib/kernel_types.h"
#include "lib/watch.h"

#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17

/*
 * joins: processes that the loader wants watched, tgid -> scope. Written by the loader before it runs scan_processes,
 * deleted by that.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct sworn_scope);
} joins SEC(".maps");

/* scan_scratch: for the path of a program; one run at a time uses it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct {
		struct path_buffer path;
		struct sworn_path_key key;
	});
} scan_scratch SEC(".maps");

static __always_inline int select_running(struct task_struct *task, struct sworn_process_key *process,
					  struct sworn_scope *scope)
{
	struct sworn_path_key *key = NULL;
	__u32 zero = 0;

	if (!anything_selected())
		return 0;
	if (live.selections_exe) {
		struct {
			struct path_buffer path;
			struct sworn_path_key key;
		} *scratch = bpf_map_lookup_elem(&scan_scratch, &zero);
		struct file *exe = BPF_CORE_READ(task, mm, exe_file);
		__u16 flags = 0;

		if (scratch && exe &&
		    exe_key_of(&scratch->path,
			       write_path(&scratch->path, BPF_CORE_READ(exe, f_path.mnt),
					  BPF_CORE_READ(exe, f_path.dentry), &flags),
			       &scratch->key))
			key = &scratch->key;
	}
	return select_process(task, process, key, scope);
}

/*
 * Watches running processes that were asked for, that a selection names, or whose parent is watched. The loader runs it
 * until nothing new is found: a child may come before its parent here.
 */
SEC("iter/task")
int scan_processes(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct sworn_process_state *parent;
	struct sworn_process_key process;
	struct sworn_scope scope = {};
	struct sworn_scope *asked;

	if (passive || !task || task->pid != task->tgid)
		return 0;
	process = process_key(task);
	asked = bpf_map_lookup_elem(&joins, &process.tgid);
	if (asked) {
		scope = *asked;
		bpf_map_delete_elem(&joins, &process.tgid);
	}
	if (watched_process(process.tgid))
		return 0;
	if (!asked) {
		parent = watched_process(BPF_CORE_READ(task, real_parent, tgid));
		if (parent)
			scope = parent->scope;
		else if (!select_running(task, &process, &scope))
			return 0;
	}
	watch(&process, &scope);
	say_joined(task, &process, &scope);
	return 0;
}

static __always_inline void join_tcp(struct sock *sk, struct socket_state *state)
{
	const struct tcp_sock *tcp = (const struct tcp_sock *)sk;
	__u8 tcp_state = BPF_CORE_READ(sk, __sk_common.skc_state);

	if (tcp_state == TCP_STATE_LISTEN) {
		state->flags = SOCKET_LISTENER;
		state->role = SWORN_ROLE_SERVER;
		return;
	}
	if (tcp_state == TCP_STATE_CLOSE || tcp_state == TCP_STATE_SYN_RECV)
		return;
	state->connection = connection_number(bpf_get_socket_cookie(sk), 0);
	state->received_fin = -1ULL;
	if (tcp_state == TCP_STATE_SYN_SENT) {
		/* Still connecting: nothing of it was missed. */
		state->role = SWORN_ROLE_CLIENT;
		return;
	}
	/*
	 * From here on: what will leave, and what the program has yet to read. Which end it is cannot be told from the
	 * socket; the agent decides by the ports.
	 */
	state->sent_base = BPF_CORE_READ(tcp, snd_nxt);
	state->received_base = BPF_CORE_READ(tcp, copied_seq);
	state->received_next = BPF_CORE_READ(tcp, rcv_nxt) - state->received_base;
	state->flags = SOCKET_OPENED | SOCKET_BASE_KNOWN | SOCKET_JOINED;
	announce(sk, state);
}

SEC("iter/task_file")
int scan_files(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct file *file = context->file;
	struct sworn_process_state *process;
	struct socket_state *state;
	struct socket *socket;
	__u16 family, protocol;
	struct sock *sk;
	__u32 tgid;

	if (passive || !task || !file)
		return 0;
	tgid = task->tgid;
	process = bpf_map_lookup_elem(&processes, &tgid);
	if (!process)
		return 0;
	socket = (void *)bpf_sock_from_file((void *)file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk)
		return 0;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	protocol = BPF_CORE_READ(sk, sk_protocol);
	if ((family != AF_INET && family != AF_INET6) || (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP))
		return 0;
	if (bpf_sk_storage_get(&sockets, sk, 0, 0))
		return 0;
	state = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!state) {
		count(SWORN_COUNTER_SOCKET_STORAGE, 0);
		return 0;
	}
	state->scope = process->scope;
	state->process.tgid = tgid;
	state->process.start_ns = process->start_ns;
	state->started_ns = bpf_ktime_get_boot_ns();
	if (protocol == PROTOCOL_TCP)
		join_tcp(sk, state);
	return 0;
}
