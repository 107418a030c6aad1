// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * Connects of workloads to the instance metadata service (169.254.169.254:80) are turned to the broker, for the selections
 * that ask for it. Loaded and attached only then. A program that asks where it is connected to hears what it asked for.
 *
 * Only in the broker's own network namespace: in another one its loopback address is somebody else's.
 */

#include "lib/maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "lib/broker_call.h"
#include "lib/emit.h"
#include "lib/kernel_types.h"
#include "lib/process.h"

#define PASS 1
#define LOOPBACK_ADDRESS 0x7f000001

/* Where the next connect of this socket goes is decided anew each time. */
static __always_inline void settle_redirect(struct bpf_sock *sk, __u32 redirects)
{
	struct broker_call *call =
		bpf_sk_storage_get(&broker_calls, sk, 0, redirects ? BPF_SK_STORAGE_GET_F_CREATE : 0);

	if (call)
		call->redirects = redirects;
}

/* Is this connect to be turned? `address` is IPv4, in network order. */
static __always_inline int turns(struct bpf_sock_addr *context, __u32 address)
{
	struct bpf_sock *sk = context->sk;
	struct sworn_process_state *process;
	struct sworn_process_key caller;
	struct tcp_sock *tcp;

	if (passive || !live.imds_port || !sk)
		return 0;
	process = watched_current(&caller);
	/* Outsiders leave here, and so do the broker's own requests. */
	if (!process || !bpf_map_lookup_elem(&redirects, &process->scope.selection_id))
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	if (address != bpf_htonl(IMDS_ADDRESS) || context->user_port != bpf_htons(IMDS_PORT)) {
		settle_redirect(sk, 0);
		return 0;
	}
	if (namespace_of(&tcp->inet_conn.icsk_inet.sk) != live.broker_namespace) {
		count(SWORN_COUNTER_REDIRECT_NAMESPACE, 0);
		settle_redirect(sk, 0);
		return 0;
	}
	settle_redirect(sk, 1);
	return 1;
}

static __always_inline int is_mapped(struct bpf_sock_addr *context)
{
	return !context->user_ip6[0] && !context->user_ip6[1] && context->user_ip6[2] == bpf_htonl(0xffff);
}

SEC("cgroup/connect4")
int redirect_connect4(struct bpf_sock_addr *context)
{
	if (turns(context, context->user_ip4)) {
		context->user_ip4 = bpf_htonl(LOOPBACK_ADDRESS);
		context->user_port = bpf_htons(live.imds_port);
	}
	return PASS;
}

/* Sockets of IPv6 go to IPv4 addresses, too: all of Java's do. */
SEC("cgroup/connect6")
int redirect_connect6(struct bpf_sock_addr *context)
{
	if (turns(context, is_mapped(context) ? context->user_ip6[3] : 0)) {
		context->user_ip6[3] = bpf_htonl(LOOPBACK_ADDRESS);
		context->user_port = bpf_htons(live.imds_port);
	}
	return PASS;
}

static __always_inline int was_turned(struct bpf_sock_addr *context)
{
	struct bpf_sock *sk = context->sk;
	struct broker_call *call;

	if (passive || !sk)
		return 0;
	/* Outsiders leave here. */
	call = bpf_sk_storage_get(&broker_calls, sk, 0, 0);
	return call && (call->caller.flags & SWORN_CALLER_REDIRECTED);
}

SEC("cgroup/getpeername4")
int redirect_peer4(struct bpf_sock_addr *context)
{
	if (was_turned(context)) {
		context->user_ip4 = bpf_htonl(IMDS_ADDRESS);
		context->user_port = bpf_htons(IMDS_PORT);
	}
	return PASS;
}

SEC("cgroup/getpeername6")
int redirect_peer6(struct bpf_sock_addr *context)
{
	if (was_turned(context) && is_mapped(context)) {
		context->user_ip6[3] = bpf_htonl(IMDS_ADDRESS);
		context->user_port = bpf_htons(IMDS_PORT);
	}
	return PASS;
}
