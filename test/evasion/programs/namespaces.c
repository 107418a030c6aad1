// SPDX-License-Identifier: Apache-2.0

/* Goes into a network namespace of its own and speaks there, to itself. */

#include "way.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

int main(int count, char **arguments)
{
	struct sockaddr_in address = loopback(0);
	struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	socklen_t length = sizeof(address);
	char port[8];
	int listener, fd;

	must(unshare(CLONE_NEWNET), "unshare");
	listener = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	must(ioctl(listener, SIOCSIFFLAGS, &up), "lo");
	must(bind(listener, (struct sockaddr *)&address, sizeof(address)), "bind");
	must(listen(listener, 1), "listen");
	must(getsockname(listener, (struct sockaddr *)&address, &length), "getsockname");
	snprintf(port, sizeof(port), "%u", ntohs(address.sin_port));
	fd = connect_tcp(port);
	send_all(fd, arguments[3], strlen(arguments[3]));
	close(fd);
	receive_and_tell(must(accept(listener, NULL, NULL), "accept"));
	return 0;
}
