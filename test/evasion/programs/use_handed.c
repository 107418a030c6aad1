// SPDX-License-Identifier: Apache-2.0

/* Takes a connected socket from NAME and sends through it. */

#include "way.h"

int main(int count, char **arguments)
{
	int giver = connect_unix(SOCK_STREAM, arguments[2]);
	int fd = take_fd(giver);

	send_all(fd, arguments[3], strlen(arguments[3]));
	finish(fd);
	close(giver);
	return 0;
}
