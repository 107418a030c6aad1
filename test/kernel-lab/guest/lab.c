// SPDX-License-Identifier: Apache-2.0

#include "lab.h"

#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

void say(const char *name, bool ok, const char *detail)
{
	printf("LAB {\"name\":\"%s\",\"ok\":%s,\"detail\":\"", name, ok ? "true" : "false");
	for (; *detail; detail++)
		putchar(*detail == '"' || *detail == '\\' || *detail < ' ' ? ' ' : *detail);
	printf("\"}\n");
	fflush(stdout);
}

void enter(const char *cgroup)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	file = fopen(path, "w");
	if (file) {
		fprintf(file, "%d", getpid());
		fclose(file);
	}
}

/* The user that sworn-agent.service has, and its rights. */
#define AGENT_USER 990
#define AGENT_CAPABILITIES                                                                            \
	(1ULL << CAP_BPF | 1ULL << CAP_PERFMON | 1ULL << CAP_NET_ADMIN | 1ULL << CAP_SYS_PTRACE |      \
	 1ULL << CAP_DAC_READ_SEARCH)

int have_rights_of_agent(bool only)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (!only)
		return seteuid(0);
	if (seteuid(AGENT_USER) || syscall(SYS_capget, &header, data))
		return -1;
	data[0].effective = (uint32_t)AGENT_CAPABILITIES;
	data[1].effective = (uint32_t)(AGENT_CAPABILITIES >> 32);
	return (int)syscall(SYS_capset, &header, data);
}
