// SPDX-License-Identifier: Apache-2.0

/* Connects, hands the socket to whoever connects to NAME, and does nothing with it. */

#include "way.h"

int main(int count, char **arguments)
{
	int listener = listen_unix(SOCK_STREAM, arguments[2]);
	int fd = connect_tcp(arguments[1]);
	int taker = must(accept(listener, NULL, NULL), "accept");
	char byte;

	pass_fd(taker, fd);
	close(fd);
	/* Until the other one is done. */
	if (read(taker, &byte, 1) < 0)
		give_up("read");
	return 0;
}
