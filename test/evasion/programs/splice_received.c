// SPDX-License-Identifier: Apache-2.0

/* Takes by splice what it has written to a unix socket itself; with PID 'outside', what somebody else at NAME sends. */

#include "way.h"

#include <fcntl.h>

int main(int count, char **arguments)
{
	int pair[2], pipes[2];
	char bytes[4096];
	ssize_t got;

	must(pipe(pipes), "pipe");
	if (count > 4) {
		pair[1] = connect_unix(SOCK_STREAM, arguments[2]);
	} else {
		must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
		send_all(pair[0], arguments[3], strlen(arguments[3]));
	}
	must((int)splice(pair[1], NULL, pipes[1], NULL, sizeof(bytes), 0), "splice");
	got = read(pipes[0], bytes, sizeof(bytes));
	tell_received(bytes, got > 0 ? (size_t)got : 0);
	return 0;
}
