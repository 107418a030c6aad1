// SPDX-License-Identifier: Apache-2.0

/* Sends by a kind of socket that is neither TCP nor UDP nor unix: PID says which. */

#include "way.h"

#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <net/ethernet.h>
#include <net/if.h>

static void send_raw(const char *message)
{
	struct sockaddr_in address = loopback(0);
	/* For experiments (RFC 3692): nobody listens. */
	int fd = must(socket(AF_INET, SOCK_RAW, 253), "socket");

	must((int)sendto(fd, message, strlen(message), 0, (struct sockaddr *)&address, sizeof(address)), "sendto");
}

static void send_packet(const char *message)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_halen = 6};
	int fd = must(socket(AF_PACKET, SOCK_DGRAM, 0), "socket");

	/* Experimental, IEEE 802: nobody listens. */
	address.sll_protocol = htons(0x88b5);
	address.sll_ifindex = (int)if_nametoindex("lo");
	must((int)sendto(fd, message, strlen(message), 0, (struct sockaddr *)&address, sizeof(address)), "sendto");
}

static void send_netlink(const char *message)
{
	struct sockaddr_nl to = {.nl_family = AF_NETLINK};
	int receiver = must(socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK), "socket");
	int fd = must(socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK), "socket");
	socklen_t length = sizeof(to);

	must(bind(receiver, (struct sockaddr *)&to, sizeof(to)), "bind");
	must(getsockname(receiver, (struct sockaddr *)&to, &length), "getsockname");
	must((int)sendto(fd, message, strlen(message), 0, (struct sockaddr *)&to, sizeof(to)), "sendto");
	receive_and_tell(receiver);
}

/* To nobody: where there is no other machine, the attempt has to do. */
static void send_vsock(const char *message)
{
	int fd = must(socket(AF_VSOCK, SOCK_STREAM, 0), "socket");

	if (send(fd, message, strlen(message), MSG_NOSIGNAL) >= 0)
		give_up("it was sent to nobody");
}

static void send_xdp(const char *message)
{
	int fd = must(socket(44, SOCK_RAW, 0), "socket");

	if (send(fd, NULL, 0, MSG_DONTWAIT) >= 0)
		give_up("it was sent by no device");
}

static void send_sctp(const char *message)
{
	int fd = must(socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP), "socket");

	close(fd);
}

static void send_udplite(const char *message)
{
	struct sockaddr_in address = loopback(9);
	int fd = must(socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE), "socket");

	must((int)sendto(fd, message, strlen(message), 0, (struct sockaddr *)&address, sizeof(address)), "sendto");
}

int main(int count, char **arguments)
{
	static const struct {
		const char *name;
		void (*send)(const char *message);
	} kinds[] = {{"raw", send_raw},	    {"packet", send_packet}, {"netlink", send_netlink}, {"vsock", send_vsock},
		     {"xdp", send_xdp},	    {"sctp", send_sctp},     {"udplite", send_udplite}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(arguments[4], kinds[i].name) == 0)
			kinds[i].send(arguments[3]);
	}
	return 0;
}
