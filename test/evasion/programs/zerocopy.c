// SPDX-License-Identifier: Apache-2.0

/* The network takes the pages of the program as they are. */

#include "way.h"

#include <sys/mman.h>

#define PAGES_BYTES 65536

int main(int count, char **arguments)
{
	int fd = connect_tcp(arguments[1]), on = 1;
	size_t message = strlen(arguments[3]);
	char *pages = mmap(NULL, PAGES_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < PAGES_BYTES; i++)
		pages[i] = arguments[3][i % message];
	must(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)), "SO_ZEROCOPY");
	for (size_t sent = 0; sent < PAGES_BYTES;)
		sent += (size_t)must((int)send(fd, pages + sent, PAGES_BYTES - sent, MSG_ZEROCOPY), "send");
	finish(fd);
	return 0;
}
