// SPDX-License-Identifier: Apache-2.0

/*
 * ssl_taps LIBSSL PROGRAM: taps SSL_read and SSL_write of a library for programs of a name, and throws away what comes,
 * until SIGTERM. Prints {"taps":3} when all is in place.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <bpf/libbpf.h>

#include "ssl_taps.skel.h"

static volatile sig_atomic_t over;

static void end(int signal)
{
	over = 1;
}

static int drop(void *context, void *data, size_t bytes)
{
	return 0;
}

static struct bpf_link *tap(struct bpf_program *program, const char *library, const char *function, bool returns)
{
	LIBBPF_OPTS(bpf_uprobe_opts, options, .func_name = function, .retprobe = returns);

	return bpf_program__attach_uprobe_opts(program, -1, library, 0, &options);
}

int main(int count, char **arguments)
{
	struct ring_buffer *ring;
	struct ssl_taps_bpf *taps;

	if (count != 3) {
		fprintf(stderr, "ssl_taps LIBSSL PROGRAM\n");
		return 2;
	}
	signal(SIGTERM, end);
	taps = ssl_taps_bpf__open();
	if (!taps)
		return 1;
	strncpy((char *)taps->rodata->tapped, arguments[2], sizeof(taps->rodata->tapped) - 1);
	if (ssl_taps_bpf__load(taps) || !tap(taps->progs.ssl_write, arguments[1], "SSL_write", false) ||
	    !tap(taps->progs.ssl_read, arguments[1], "SSL_read", false) ||
	    !tap(taps->progs.ssl_read_returns, arguments[1], "SSL_read", true)) {
		fprintf(stderr, "ssl_taps: %s\n", strerror(errno));
		return 1;
	}
	ring = ring_buffer__new(bpf_map__fd(taps->maps.events), drop, NULL, NULL);
	if (!ring)
		return 1;
	printf("{\"taps\":3}\n");
	fflush(stdout);
	while (!over) {
		ring_buffer__consume(ring);
		/* As often as the agent looks. */
		struct timespec wait = { .tv_nsec = 20 * 1000 * 1000 };

		nanosleep(&wait, NULL);
	}
	ring_buffer__free(ring);
	ssl_taps_bpf__destroy(taps);
	return 0;
}
