// SPDX-License-Identifier: Apache-2.0

/* Programs at functions of the kernel (fentry, fexit): not every kernel lets them in, and not every one has all functions. */

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include <unistd.h>

#include "capture_state.h"

#if defined(__x86_64__)
#define TRIED_FUNCTION "__x64_sys_unshare"
#else
#define TRIED_FUNCTION "__arm64_sys_unshare"
#endif

/* By a program that does nothing, at a function that hardly anybody calls, for a moment. */
bool sworn_kernel_lets_functions_be_hooked(void)
{
	struct bpf_insn answer_0[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_FEXIT);
	int id = libbpf_find_vmlinux_btf_id(TRIED_FUNCTION, BPF_TRACE_FEXIT), program, link;

	if (id < 0)
		return false;
	options.attach_btf_id = (__u32)id;
	program = bpf_prog_load(BPF_PROG_TYPE_TRACING, NULL, "Dual BSD/GPL", answer_0, 2, &options);
	if (program < 0)
		return false;
	link = bpf_raw_tracepoint_open(NULL, program);
	close(program);
	if (link < 0)
		return false;
	close(link);
	return true;
}

size_t sworn_choose_functions(struct bpf_program *const *programs, size_t count, bool wanted)
{
	struct btf *btf = wanted ? btf__load_vmlinux_btf() : NULL;
	size_t chosen = 0;

	for (size_t i = 0; i < count; i++) {
		const char *name = strchr(bpf_program__section_name(programs[i]), '/') + 1;
		bool has = btf && btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;

		bpf_program__set_autoload(programs[i], has);
		chosen += has;
	}
	btf__free(btf);
	return chosen;
}

void sworn_choose_call_ways(struct sworn_bpf *skeleton, bool wanted, bool without_functions)
{
	struct bpf_program *native[] = {
		skeleton->progs.way_call_ptrace, skeleton->progs.way_call_writev,  skeleton->progs.way_call_getfd,
		skeleton->progs.way_call_setns,	 skeleton->progs.way_call_unshare, skeleton->progs.way_call_splice,
	};
	struct bpf_program *compat[] = {
		skeleton->progs.way_compat_ptrace, skeleton->progs.way_compat_writev,  skeleton->progs.way_compat_getfd,
		skeleton->progs.way_compat_setns,  skeleton->progs.way_compat_unshare, skeleton->progs.way_compat_splice,
	};
	const size_t count = sizeof(native) / sizeof(native[0]);
	bool by_function = wanted && !without_functions && sworn_kernel_lets_functions_be_hooked();

	/* All of them or none: one that is missing would be a way that nobody sees. */
	if (sworn_choose_functions(native, count, by_function) != count) {
		sworn_choose_functions(native, count, false);
		by_function = false;
	}
	sworn_choose_functions(compat, count, by_function);
	bpf_program__set_autoload(skeleton->progs.way_call_begins, wanted && !by_function);
}
