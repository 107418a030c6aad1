// SPDX-License-Identifier: Apache-2.0

/* Connects and sends, as programs do. */

#include "way.h"

int main(int count, char **arguments)
{
	int fd = connect_tcp(arguments[1]);

	send_all(fd, arguments[3], strlen(arguments[3]));
	finish(fd);
	return 0;
}
