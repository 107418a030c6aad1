// SPDX-License-Identifier: Apache-2.0

/* The guard of the agent: LSM programs that refuse workloads what would stop or blind it. */

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture_state.h"
#include "guard.skel.h"

int sworn_capture_guard_self(struct sworn_capture *capture)
{
	struct sworn_guarded agent = {.tgid = (uint32_t)getpid()};
	uint32_t zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(capture->skeleton->maps.guarded), &zero, &agent, BPF_ANY))
		return -errno;
	/* Meets the task of this process. */
	return sworn_capture_scan_ways(capture);
}

/* Maps by the same name are the capture's own: one table of processes, one ring. */
static int share_maps(struct sworn_capture *capture, struct sworn_guard *guard)
{
	struct bpf_map *map, *shared;

	bpf_object__for_each_map(map, guard->obj) {
		if (bpf_map__is_internal(map))
			continue;
		shared = bpf_object__find_map_by_name(capture->skeleton->obj, bpf_map__name(map));
		if (!shared)
			continue;
		int error = bpf_map__reuse_fd(map, bpf_map__fd(shared));

		if (error)
			return error;
	}
	return 0;
}

/* Hooks that this kernel does not have are left out: with them what they would be asked. */
static int choose_hooks(struct sworn_guard *guard)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct bpf_program *program;
	char name[80];
	int chosen = 0;

	if (!btf)
		return -EOPNOTSUPP;
	bpf_object__for_each_program(program, guard->obj) {
		snprintf(name, sizeof(name), "bpf_lsm_%s", bpf_program__section_name(program) + strlen("lsm/"));
		bool has = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;

		bpf_program__set_autoload(program, has);
		chosen += has;
	}
	btf__free(btf);
	return chosen ? 0 : -EOPNOTSUPP;
}

static int add_objects(struct sworn_guard *guard, struct bpf_object *object)
{
	int fd = bpf_map__fd(guard->maps.guarded_objects);
	struct bpf_program *program;
	struct bpf_map *map;
	uint8_t here = 1;

	bpf_object__for_each_map(map, object) {
		struct bpf_map_info info = {};
		uint32_t bytes = sizeof(info);

		if (bpf_map__fd(map) < 0)
			continue;
		if (bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &bytes))
			return -errno;
		uint64_t key = (uint64_t)SWORN_BPF_KIND_MAP << 32 | info.id;

		if (bpf_map_update_elem(fd, &key, &here, BPF_ANY))
			return -errno;
	}
	bpf_object__for_each_program(program, object) {
		struct bpf_prog_info info = {};
		uint32_t bytes = sizeof(info);

		if (!bpf_program__autoload(program))
			continue;
		if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &bytes))
			return -errno;
		uint64_t key = (uint64_t)SWORN_BPF_KIND_PROGRAM << 32 | info.id;

		if (bpf_map_update_elem(fd, &key, &here, BPF_ANY))
			return -errno;
	}
	return 0;
}

/* A kernel without bpf in its list of LSMs takes the programs and never calls them. So it is asked something. */
static int prove_asked(struct sworn_capture *capture)
{
	int fd = bpf_map__fd(capture->skeleton->maps.guarded);
	struct sworn_guarded agent;
	uint32_t zero = 0;

	for (int call = 0; call < 2; call++) {
		if (bpf_map_lookup_elem(fd, &zero, &agent))
			return -errno;
	}
	if (agent.asked)
		return 0;
	sworn_say("this kernel takes LSM programs and does not call them: bpf is not in its list of LSMs "
		  "(/sys/kernel/security/lsm; add it to lsm= on the kernel's command line)");
	return -ENOEXEC;
}

static int attach_guard(struct sworn_guard *guard)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, guard->obj) {
		struct bpf_object_skeleton *skeleton = guard->skeleton;

		if (!bpf_program__autoload(program))
			continue;
		for (int i = 0; i < skeleton->prog_cnt; i++) {
			if (*skeleton->progs[i].prog != program)
				continue;
			*skeleton->progs[i].link = bpf_program__attach_lsm(program);
			if (!*skeleton->progs[i].link)
				return -errno;
		}
	}
	return 0;
}

int sworn_capture_refuse_acts(struct sworn_capture *capture)
{
	struct sworn_guard *guard;
	int error;

	if (capture->guard)
		return 0;
	sworn_say("");
	guard = sworn_guard__open();
	if (!guard)
		return -errno;
	guard->rodata->wake_bytes = capture->skeleton->rodata->wake_bytes;
	error = choose_hooks(guard);
	if (error) {
		sworn_say("this kernel was built without BPF LSM (CONFIG_BPF_LSM)");
		goto fail;
	}
	error = share_maps(capture, guard);
	if (!error)
		error = sworn_load_undisturbed(guard->skeleton);
	if (!error)
		error = add_objects(guard, capture->skeleton->obj);
	if (!error)
		error = add_objects(guard, guard->obj);
	if (!error)
		error = attach_guard(guard);
	if (error == -EPERM || error == -EACCES) {
		sworn_say("the kernel lets no LSM program in (%s)", strerror(-error));
		error = -EACCES;
	}
	if (!error)
		error = prove_asked(capture);
	if (error)
		goto fail;
	capture->guard = guard;
	return 0;
fail:
	sworn_guard__destroy(guard);
	return error;
}

void sworn_detach_guard(struct sworn_capture *capture)
{
	if (capture->guard)
		sworn_guard__destroy(capture->guard);
	capture->guard = NULL;
}
