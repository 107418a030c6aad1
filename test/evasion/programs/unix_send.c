// SPDX-License-Identifier: Apache-2.0

/* Sends over a unix socket of the kind PID says to a server outside (PORT is its path), or to itself at NAME. */

#include "way.h"

int main(int count, char **arguments)
{
	const char *kind = count > 4 ? arguments[4] : "stream";
	int type = strcmp(kind, "dgram") == 0	  ? SOCK_DGRAM :
		   strcmp(kind, "seqpacket") == 0 ? SOCK_SEQPACKET :
						    SOCK_STREAM;
	int own, fd;

	if (arguments[1][0] == '/') {
		fd = connect_unix(SOCK_STREAM, arguments[1]);
		send_all(fd, arguments[3], strlen(arguments[3]));
		finish(fd);
		return 0;
	}
	own = listen_unix(type, arguments[2]);
	fd = connect_unix(type, arguments[2]);
	if (type != SOCK_DGRAM)
		own = must(accept(own, NULL, NULL), "accept");
	send_all(fd, arguments[3], strlen(arguments[3]));
	if (type != SOCK_DGRAM)
		close(fd);
	receive_and_tell(own);
	return 0;
}
