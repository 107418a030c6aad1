// SPDX-License-Identifier: Apache-2.0

/* Probes in programs and libraries, the secrets that they give, and the images that are mapped. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <unistd.h>

#include "capture_state.h"

/* From 6.0 on a program at a probe may wait for a page of the process that is not in memory. */
static bool kernel_lets_probes_sleep(void)
{
	struct bpf_insn answer_0[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = BPF_F_SLEEPABLE);
	int fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "Dual BSD/GPL", answer_0, 2, &options);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

void sworn_choose_probe_ways(struct sworn_bpf *skeleton)
{
	struct bpf_program *program;
	bool sleeps = kernel_lets_probes_sleep();

	skeleton->rodata->probes_sleep = sleeps;
	bpf_object__for_each_program(program, skeleton->obj) {
		if (bpf_program__type(program) == BPF_PROG_TYPE_KPROBE && !sleeps)
			bpf_program__set_flags(program, bpf_program__flags(program) & ~BPF_F_SLEEPABLE);
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
	}
	return NULL;
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
	while (id < SWORN_PROBES_MAX && capture->probes[id].link)
		id++;
	if (id == SWORN_PROBES_MAX)
		return -ENOSPC;
	if (bpf_map_update_elem(bpf_map__fd(capture->skeleton->maps.probe_runs), &id, &nothing, BPF_ANY))
		return -errno;

	LIBBPF_OPTS(bpf_uprobe_opts, options, .bpf_cookie = id);
	struct bpf_link *link = bpf_program__attach_uprobe_opts(program, -1, path, file_offset, &options);

	error = -errno;
	if (!link)
		return error;
	capture->probes[id].link = link;
	capture->probes[id].kind = kind;
	return (int)id;
}

void sworn_capture_detach_probe(struct sworn_capture *capture, uint32_t id)
{
	if (!capture->probes || id >= SWORN_PROBES_MAX || !capture->probes[id].link)
		return;
	bpf_link__destroy(capture->probes[id].link);
	capture->probes[id].link = NULL;
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
		if (!capture->probes[id].link)
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

void sworn_capture_hold_images(struct sworn_capture *capture, uint64_t hold_ns)
{
	__atomic_store_n(&capture->skeleton->bss->live.hold_ns, hold_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&capture->skeleton->bss->live.images, 1, __ATOMIC_RELAXED);
}

int sworn_capture_set_image_known(struct sworn_capture *capture, const struct sworn_image_key *key, bool known)
{
	int fd = bpf_map__fd(capture->skeleton->maps.known_images);
	struct sworn_known_image image = {};

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
