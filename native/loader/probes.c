// SPDX-License-Identifier: Apache-2.0

/* Probes in programs and libraries, the secrets that they give, and the images that are mapped. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture_state.h"
#include "place.h"

/*
 * From 6.6 on a probe may be a link of bpf(2) of its own; the old way, an event of perf, is for CAP_SYS_ADMIN alone, this
 * one for who may load the program. Neither libbpf nor the headers that this is built with need to know it, so the
 * numbers of the kernel's interface stand here (include/uapi/linux/bpf.h).
 */
#define TRACE_UPROBE_MULTI 48

struct uprobe_multi_attributes {
	__u32 prog_fd;
	__u32 target_fd;
	__u32 attach_type;
	__u32 flags;
	__u64 path;
	__u64 offsets;
	__u64 counter_offsets;
	__u64 cookies;
	__u32 count;
	__u32 probe_flags;
	__u32 pid;
	__u32 zero;
};

static int link_probe(int program_fd, const char *path, __u64 file_offset, __u64 cookie)
{
	struct uprobe_multi_attributes attributes = {
		.prog_fd = program_fd,
		.attach_type = TRACE_UPROBE_MULTI,
		.path = (__u64)(unsigned long)path,
		.offsets = (__u64)(unsigned long)&file_offset,
		.cookies = (__u64)(unsigned long)&cookie,
		.count = 1,
	};

	return (int)syscall(__NR_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes));
}

/* A program that answers 0, to learn what the kernel takes. */
static int load_trial(enum bpf_attach_type attach_type, __u32 flags)
{
	struct bpf_insn answer_0[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = flags, .expected_attach_type = attach_type);

	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "Dual BSD/GPL", answer_0, 2, &options);
}

static bool kernel_links_probes(void)
{
	int fd = load_trial(TRACE_UPROBE_MULTI, 0);
	bool links;

	if (fd < 0)
		return false;
	/* A kernel that knows such links says of a folder that it is no file, others that they know no such link. */
	links = link_probe(fd, "/", 0, 0) < 0 && errno == EBADF;
	close(fd);
	return links;
}

/* From 6.0 on a program at a probe may wait for a page of the process that is not in memory. */
static bool kernel_lets_probes_sleep(void)
{
	int fd = load_trial(0, BPF_F_SLEEPABLE);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

void sworn_choose_probe_ways(struct sworn_bpf *skeleton)
{
	struct bpf_program *program;
	bool sleeps = kernel_lets_probes_sleep();
	bool links = kernel_links_probes();

	skeleton->rodata->probes_sleep = sleeps;
	bpf_object__for_each_program(program, skeleton->obj) {
		if (bpf_program__type(program) != BPF_PROG_TYPE_KPROBE)
			continue;
		if (!sleeps)
			bpf_program__set_flags(program, bpf_program__flags(program) & ~BPF_F_SLEEPABLE);
		if (links)
			bpf_program__set_expected_attach_type(program, TRACE_UPROBE_MULTI);
	}
}

static struct bpf_program *program_of(struct sworn_capture *capture, uint32_t kind)
{
	switch (kind) {
	case SWORN_PROBE_KIND_OPENSSL_KDF:
		return capture->skeleton->progs.openssl_kdf;
	case SWORN_PROBE_KIND_GO_KEY_LOG:
		return capture->skeleton->progs.go_key_log;
	case SWORN_PROBE_KIND_GNUTLS_HKDF:
		return capture->skeleton->progs.gnutls_hkdf;
	case SWORN_PROBE_KIND_GNUTLS_PRF:
		return capture->skeleton->progs.gnutls_prf;
	case SWORN_PROBE_KIND_BORINGSSL_HKDF:
		return capture->skeleton->progs.boringssl_hkdf;
	case SWORN_PROBE_KIND_BORINGSSL_PRF:
		return capture->skeleton->progs.boringssl_prf;
	case SWORN_PROBE_KIND_OPENSSL11_INPUT:
		return capture->skeleton->progs.openssl11_input;
	case SWORN_PROBE_KIND_RING_HMAC_KEY:
		return capture->skeleton->progs.ring_hmac_key;
	case SWORN_PROBE_KIND_RING_HKDF:
		return capture->skeleton->progs.ring_hkdf;
	case SWORN_PROBE_KIND_RUSTLS_KEY_BLOCK:
		return capture->skeleton->progs.rustls_key_block;
	case SWORN_PROBE_KIND_OPENSSH_CIPHER:
		return capture->skeleton->progs.openssh_cipher;
	case SWORN_PROBE_KIND_EVP_CIPHER_INIT:
		return capture->skeleton->progs.evp_cipher_init;
	case SWORN_PROBE_KIND_EVP_CIPHER_INIT_EX:
		return capture->skeleton->progs.evp_cipher_init_ex;
	case SWORN_PROBE_KIND_EVP_ONE_WAY_INIT_EX:
		return capture->skeleton->progs.evp_one_way_init_ex;
	case SWORN_PROBE_KIND_NODE_CIPHER:
		return capture->skeleton->progs.node_cipher;
	case SWORN_PROBE_KIND_GO_SSH_CIPHER:
		return capture->skeleton->progs.go_ssh_cipher;
	}
	return NULL;
}

static bool is_attached(const struct sworn_probe *probe)
{
	return probe->link || probe->link_fd;
}

static int attach(struct sworn_probe *probe, struct bpf_program *program, const char *path, uint64_t file_offset,
		  uint32_t id)
{
	LIBBPF_OPTS(bpf_uprobe_opts, options, .bpf_cookie = id);

	if (bpf_program__expected_attach_type(program) == TRACE_UPROBE_MULTI) {
		int fd = link_probe(bpf_program__fd(program), path, file_offset, id);

		/* As it says of a folder; the other way says that it is no place. */
		if (fd < 0)
			return errno == EBADF ? -EINVAL : -errno;
		probe->link_fd = fd;
		return 0;
	}
	probe->link = bpf_program__attach_uprobe_opts(program, -1, path, file_offset, &options);
	return probe->link ? 0 : -errno;
}

int sworn_capture_attach_probe(struct sworn_capture *capture, uint32_t kind, const char *path, uint64_t file_offset)
{
	struct bpf_program *program = program_of(capture, kind);
	struct sworn_probe_run nothing = {};
	/* 0 is nobody's: the cookie of what has none. */
	uint32_t id = 1;
	int error;

	/* libbpf looks a path without a slash up in folders of its own choice. */
	if (!program || path[0] != '/')
		return -EINVAL;
	if (!capture->probes)
		capture->probes = calloc(SWORN_PROBES_MAX, sizeof(*capture->probes));
	if (!capture->probes)
		return -ENOMEM;
	while (id < SWORN_PROBES_MAX && is_attached(&capture->probes[id]))
		id++;
	if (id == SWORN_PROBES_MAX)
		return -ENOSPC;
	if (bpf_map_update_elem(bpf_map__fd(capture->skeleton->maps.probe_runs), &id, &nothing, BPF_ANY))
		return -errno;

	error = attach(&capture->probes[id], program, path, sworn_cheaper_place(path, file_offset), id);
	if (error)
		return error;
	capture->probes[id].kind = kind;
	return (int)id;
}

void sworn_capture_detach_probe(struct sworn_capture *capture, uint32_t id)
{
	struct sworn_probe *probe;

	if (!capture->probes || id >= SWORN_PROBES_MAX)
		return;
	probe = &capture->probes[id];
	if (probe->link)
		bpf_link__destroy(probe->link);
	if (probe->link_fd)
		close(probe->link_fd);
	*probe = (struct sworn_probe){};
}

void sworn_detach_probes(struct sworn_capture *capture)
{
	for (uint32_t id = 1; capture->probes && id < SWORN_PROBES_MAX; id++)
		sworn_capture_detach_probe(capture, id);
	free(capture->probes);
	capture->probes = NULL;
}

int sworn_capture_probe(struct sworn_capture *capture, uint32_t after, struct sworn_probe_info *info)
{
	int fd = bpf_map__fd(capture->skeleton->maps.probe_runs);
	struct sworn_probe_run run;

	for (uint32_t id = after + 1; capture->probes && id < SWORN_PROBES_MAX; id++) {
		if (!is_attached(&capture->probes[id]))
			continue;
		if (bpf_map_lookup_elem(fd, &id, &run))
			return -errno;
		info->id = id;
		info->kind = capture->probes[id].kind;
		info->runs = run.runs;
		info->hits = run.hits;
		return 0;
	}
	return -ENOENT;
}

int sworn_capture_take_secret(struct sworn_capture *capture, uint64_t id, struct sworn_secret *secret)
{
	int fd = bpf_map__fd(capture->skeleton->maps.tls_secrets);

	return bpf_map_lookup_and_delete_elem(fd, &id, secret) ? -errno : 0;
}

void sworn_capture_set_canary(struct sworn_capture *capture, uint32_t tgid)
{
	__atomic_store_n(&capture->skeleton->bss->live.canary_tgid, tgid, __ATOMIC_RELAXED);
}

int sworn_capture_hold_images(struct sworn_capture *capture, uint64_t hold_ns)
{
	int error;

	if (!capture->images_told && !capture->skeleton->rodata->passive) {
		error = sworn_attach_program(capture, capture->skeleton->progs.image_mapped);
		if (error)
			return error;
		capture->images_told = true;
	}
	__atomic_store_n(&capture->skeleton->bss->live.hold_ns, hold_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&capture->skeleton->bss->live.images, 1, __ATOMIC_RELAXED);
	return 0;
}

int sworn_capture_set_image_known(struct sworn_capture *capture, const struct sworn_image_key *key, bool known,
				  uint64_t changed_ns)
{
	int fd = bpf_map__fd(capture->skeleton->maps.known_images);
	struct sworn_known_image image = {.changed_ns = changed_ns};

	if (known)
		return bpf_map_update_elem(fd, key, &image, BPF_ANY) ? -errno : 0;
	return bpf_map_delete_elem(fd, key) && errno != ENOENT ? -errno : 0;
}

int sworn_capture_settle_images(struct sworn_capture *capture, uint32_t tgid, uint64_t until_ns)
{
	int fd = bpf_map__fd(capture->skeleton->maps.unsettled);
	struct sworn_unsettled before;

	if (bpf_map_lookup_and_delete_elem(fd, &tgid, &before))
		return errno == ENOENT ? 0 : -errno;
	/* Another image came meanwhile: its event is still to be read. The program may have put it back itself by now. */
	if (before.newest_ns > until_ns && bpf_map_update_elem(fd, &tgid, &before, BPF_NOEXIST) && errno != EEXIST)
		return -errno;
	return 0;
}
