// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * Sockets that a process had before it was watched. The loader runs this over the files of a process that came into
 * scope while it was running; what it finds is marked as joined late, from where it stands now.
 */

#include "lib/maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lib/connection.h"
#include "lib/emit.h"
#include "lib/kernel_types.h"

#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17

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
