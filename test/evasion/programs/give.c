// SPDX-License-Identifier: Apache-2.0

/* Sends the message to whoever connects to NAME. */

#include "way.h"

int main(int count, char **arguments)
{
	int taker = must(accept(listen_unix(SOCK_STREAM, arguments[2]), NULL, NULL), "accept");
	char byte;

	send_all(taker, arguments[3], strlen(arguments[3]));
	if (read(taker, &byte, 1) < 0)
		give_up("read");
	return 0;
}
