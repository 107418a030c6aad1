// SPDX-License-Identifier: Apache-2.0

/* Connects, says the number of its socket's file to NAME, and keeps it open until it is ended. */

#include "way.h"

int main(int count, char **arguments)
{
	int fd = connect_tcp(arguments[1]);
	int listener = listen_unix(SOCK_STREAM, arguments[2]);
	int taker = must(accept(listener, NULL, NULL), "accept");
	int told[2] = {getpid(), fd};
	char byte;

	must((int)write(taker, told, sizeof(told)), "write");
	if (read(taker, &byte, 1) < 0)
		give_up("read");
	return 0;
}
