// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * The usual way to see plaintext of TLS, for comparison: probes at each SSL_write and at the entry and return of each
 * SSL_read, which copy what passes. No account, no attribution: the least that such a recorder does.
 */

#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define COPIED_BYTES_MAX 4096
#define COMM_BYTES 16

struct tap_event {
	__u64 time_ns;
	__u64 ssl;
	__u32 tgid;
	__u32 bytes;
	__u8 data[COPIED_BYTES_MAX];
};

struct reading {
	__u64 ssl;
	__u64 buffer;
};

/* events: what passed. Full: dropped; nobody counts it here. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024 * 1024);
} events SEC(".maps");

/* readings: thread -> the arguments of the SSL_read that it is in. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct reading);
} readings SEC(".maps");

/* The program that is recorded, by its name; all others leave at once. */
const volatile char tapped[COMM_BYTES];

static __always_inline int is_tapped(void)
{
	char comm[COMM_BYTES] = {};

	bpf_get_current_comm(comm, sizeof(comm));
	for (int i = 0; i < COMM_BYTES; i++) {
		if (comm[i] != tapped[i])
			return 0;
		if (!comm[i])
			break;
	}
	return 1;
}

static __always_inline void copy(__u64 ssl, const void *buffer, long bytes)
{
	struct tap_event *event;

	if (bytes <= 0)
		return;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return;
	event->time_ns = bpf_ktime_get_boot_ns();
	event->ssl = ssl;
	event->tgid = bpf_get_current_pid_tgid() >> 32;
	event->bytes = bytes;
	if (bytes > COPIED_BYTES_MAX)
		bytes = COPIED_BYTES_MAX;
	bpf_probe_read_user(event->data, bytes, buffer);
	/* The reader looks by itself. */
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

SEC("uprobe")
int BPF_KPROBE(ssl_write, void *ssl, const void *buffer, int bytes)
{
	if (is_tapped())
		copy((__u64)ssl, buffer, bytes);
	return 0;
}

SEC("uprobe")
int BPF_KPROBE(ssl_read, void *ssl, void *buffer)
{
	struct reading reading = { .ssl = (__u64)ssl, .buffer = (__u64)buffer };
	__u64 thread = bpf_get_current_pid_tgid();

	if (is_tapped())
		bpf_map_update_elem(&readings, &thread, &reading, BPF_ANY);
	return 0;
}

SEC("uretprobe")
int BPF_KRETPROBE(ssl_read_returns, int bytes)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct reading *reading = bpf_map_lookup_elem(&readings, &thread);

	if (!reading)
		return 0;
	copy(reading->ssl, (const void *)reading->buffer, bytes);
	bpf_map_delete_elem(&readings, &thread);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
