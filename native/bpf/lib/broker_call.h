/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_BROKER_CALL_H
#define SWORN_BPF_BROKER_CALL_H

/*
 * Connections to the broker, of all processes of the host: who opened one, and who sends on it.
 *
 * A segment that leaves while its socket is locked is sent in the process that has locked it, before the broker can see
 * it. What that process sends may have been written by another before and have waited; so the end of each call that wrote
 * is looked at, too (from 6.3 on). What left in an interrupt, and nobody is known to have written, is marked as untold.
 */

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "connection.h"
#include "emit.h"
#include "kernel_types.h"
#include "packet.h"
#include "process.h"
#include "settings.h"

static __always_inline int is_broker_port(__u16 port)
{
	/* Without a broker everybody leaves here. */
	if ((!live.broker_ports[0] && !live.imds_port) || !port)
		return 0;
	for (int i = 0; i < SWORN_BROKER_PORTS_MAX; i++) {
		if (live.broker_ports[i] == port)
			return 1;
	}
	return live.imds_port == port;
}

static __always_inline __u32 namespace_of(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

/* The broker listens on loopback addresses of its own network namespace; every other one has such addresses, too. */
static __always_inline int goes_to_broker(const struct sock *sk, __u16 port)
{
	struct sworn_addresses addresses;

	if (!is_broker_port(port) || namespace_of(sk) != live.broker_namespace)
		return 0;
	read_addresses(sk, &addresses, SWORN_TRANSPORT_TCP, SWORN_ROLE_CLIENT);
	/* An IPv6 address that is not ::1 has no listener of the broker: its caller is never asked for. */
	return addresses.family == 6 || addresses.remote[0] == 127;
}

static __always_inline void current_user(struct sworn_socket_user *user)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct sworn_process_state *state;

	__builtin_memset(user, 0, sizeof(*user));
	state = watched_current(&user->process);
	if (state) {
		user->scope = state->scope;
		user->execs = state->execs;
	} else {
		user->process = current_process();
	}
	user->uid = BPF_CORE_READ(task, cred, uid.val);
	user->gid = BPF_CORE_READ(task, cred, gid.val);
}

/* Others may count on meanwhile, on another CPU: what is published last has it all. */
static __always_inline void publish(struct broker_call *call)
{
	__u32 changes = call->caller.changes, flags = call->caller.flags;

	if (call->over)
		return;
	if (bpf_map_update_elem(&callers, &call->key, &call->caller, BPF_ANY))
		count(SWORN_COUNTER_CALLER_LOST, 0);
	if (*(volatile __u32 *)&call->caller.changes != changes || *(volatile __u32 *)&call->caller.flags != flags)
		bpf_map_update_elem(&callers, &call->key, &call->caller, BPF_ANY);
	if (*(volatile __u32 *)&call->over)
		bpf_map_delete_elem(&callers, &call->key);
}

/* A connect begins, in the process that connects. Returns the flags of its socket: none when it cannot be noted. */
static __always_inline __u32 call_begins(struct sock *sk, const struct socket_state *state)
{
	struct broker_call *call = bpf_sk_storage_get(&broker_calls, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	__u32 redirects;

	if (!call) {
		count(SWORN_COUNTER_CALLER_LOST, 0);
		return 0;
	}
	redirects = call->redirects;
	__builtin_memset(call, 0, sizeof(*call));
	current_user(&call->caller.opener);
	call->caller.connection = state->connection;
	call->caller.network_namespace = namespace_of(sk);
	if (redirects)
		call->caller.flags = SWORN_CALLER_REDIRECTED;
	return SOCKET_TO_BROKER | (redirects ? SOCKET_REDIRECTED : 0);
}

/* Before a byte of it can reach the broker. */
static __always_inline void call_opens(struct sock *sk)
{
	struct broker_call *call = bpf_sk_storage_get(&broker_calls, sk, 0, 0);
	const struct tcp_sock *tcp = (const struct tcp_sock *)sk;
	struct sworn_addresses addresses;

	if (!call)
		return;
	read_addresses(sk, &addresses, SWORN_TRANSPORT_TCP, SWORN_ROLE_CLIENT);
	__builtin_memcpy(call->key.local, addresses.local, sizeof(addresses.local));
	__builtin_memcpy(call->key.remote, addresses.remote, sizeof(addresses.remote));
	call->key.local_port = addresses.local_port;
	call->key.remote_port = addresses.remote_port;
	call->key.family = addresses.family;
	call->left = call->written = BPF_CORE_READ(tcp, snd_una);
	call->answered = BPF_CORE_READ(tcp, rcv_nxt);
	publish(call);
}

static __always_inline void call_ends(struct sock *sk)
{
	struct broker_call *call = bpf_sk_storage_get(&broker_calls, sk, 0, 0);

	if (!call || __sync_lock_test_and_set(&call->over, 1))
		return;
	bpf_map_delete_elem(&callers, &call->key);
}

/* The first bytes after an answer are those of a new request. Who sent the one before stays the one that is known. */
static __always_inline void begin_request(struct broker_call *call, __u32 received)
{
	if (received == call->answered)
		return;
	call->answered = received;
	call->caller.changes = 0;
	call->sender_tgid = 0;
	__sync_fetch_and_and(&call->caller.flags, ~SWORN_CALLER_UNTOLD);
}

/* `sends`: the newest bytes are this one's; otherwise it only has had a part in them. */
static __always_inline void note_user(struct broker_call *call, const struct sworn_socket_user *user, int sends)
{
	const struct sworn_socket_user *opener = &call->caller.opener;
	__u32 tgid = user->process.tgid;
	__u32 before = sends ? __sync_lock_test_and_set(&call->sender_tgid, tgid) : call->sender_tgid;

	if (before && (before != tgid || call->caller.sender.execs != user->execs))
		__sync_fetch_and_add(&call->caller.changes, 1);
	if ((tgid != opener->process.tgid || user->process.start_ns != opener->process.start_ns) &&
	    (user->scope.session_key != opener->scope.session_key ||
	     user->scope.selection_id != opener->scope.selection_id))
		__sync_fetch_and_or(&call->caller.flags, SWORN_CALLER_STRANGERS);
	if (sends)
		call->caller.sender = *user;
	publish(call);
}

/* A segment leaves. What is sent once more was told of. */
static __always_inline void request_leaves(struct tcp_sock *tcp, struct packet_view *view)
{
	struct broker_call *call = bpf_sk_storage_get(&broker_calls, tcp, 0, 0);
	__u32 end = view->sequence + view->payload_bytes;
	struct sworn_socket_user user;
	int is_written;

	if (!call || !view->payload_bytes || (__s32)(end - call->left) <= 0)
		return;
	call->left = end;
	begin_request(call, tcp->rcv_nxt);
	/* By calls that are over, whose processes were noted then. */
	is_written = (__s32)(call->written - end) >= 0;
	if (tcp->inet_conn.icsk_inet.sk.sk_lock.owned) {
		current_user(&user);
		note_user(call, &user, !is_written);
	} else if (!is_written) {
		count(SWORN_COUNTER_SENDER_UNTOLD, view->payload_bytes);
		__sync_fetch_and_or(&call->caller.flags, SWORN_CALLER_UNTOLD);
		publish(call);
	}
}

/* A call that wrote has ended, in its process. */
static __always_inline void request_written(struct sock *sk)
{
	struct broker_call *call = bpf_sk_storage_get(&broker_calls, sk, 0, 0);
	const struct tcp_sock *tcp = (const struct tcp_sock *)sk;
	struct sworn_socket_user user;
	__u32 written;
	int waits;

	if (!call || !call->caller.connection)
		return;
	begin_request(call, BPF_CORE_READ(tcp, rcv_nxt));
	written = BPF_CORE_READ(tcp, write_seq);
	waits = (__s32)(written - call->left) > 0;
	current_user(&user);
	/* As nearly always: it has sent all that it wrote. */
	if (waits || user.process.tgid != call->sender_tgid)
		note_user(call, &user, waits);
	call->written = written;
}

#endif
