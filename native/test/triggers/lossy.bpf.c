// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/* A network that loses one packet of sixteen and brings another one twice; behind a hole, what comes is out of order. */

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#define COPY 1

SEC("classifier")
int lossy(struct __sk_buff *packet)
{
	__u32 chance = bpf_get_prandom_u32() % 16;

	if (packet->mark == COPY)
		return TC_ACT_OK;
	if (chance == 0)
		return TC_ACT_SHOT;
	if (chance == 1) {
		packet->mark = COPY;
		bpf_clone_redirect(packet, packet->ifindex, BPF_F_INGRESS);
	}
	return TC_ACT_OK;
}

char license_of_program[] SEC("license") = "Apache-2.0";
