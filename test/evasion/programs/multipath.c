// SPDX-License-Identifier: Apache-2.0

/* Multipath TCP to a listener of its own. */

#include "way.h"

#define MULTIPATH 262

int main(int count, char **arguments)
{
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof(address);
	int listener = must(socket(AF_INET, SOCK_STREAM, MULTIPATH), "socket");
	int fd = must(socket(AF_INET, SOCK_STREAM, MULTIPATH), "socket");

	must(bind(listener, (struct sockaddr *)&address, sizeof(address)), "bind");
	must(listen(listener, 1), "listen");
	must(getsockname(listener, (struct sockaddr *)&address, &length), "getsockname");
	must(connect(fd, (struct sockaddr *)&address, sizeof(address)), "connect");
	send_all(fd, arguments[3], strlen(arguments[3]));
	close(fd);
	receive_and_tell(must(accept(listener, NULL, NULL), "accept"));
	return 0;
}
