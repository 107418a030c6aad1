// SPDX-License-Identifier: Apache-2.0

/* A datagram; with PID 'quic' it begins as a client's first packet of QUIC version 1 does. */

#include "way.h"

int main(int count, char **arguments)
{
	static const uint8_t long_header[] = {0xc3, 0, 0, 0, 1, 8};
	struct sockaddr_in address = loopback(atoi(arguments[1]));
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	size_t bytes = 0;
	char packet[1200];

	if (strcmp(arguments[4], "quic") == 0) {
		memcpy(packet, long_header, sizeof(long_header));
		bytes = sizeof(long_header);
	}
	memcpy(packet + bytes, arguments[3], strlen(arguments[3]));
	bytes += strlen(arguments[3]);
	must((int)sendto(fd, packet, bytes, 0, (struct sockaddr *)&address, sizeof(address)), "sendto");
	return 0;
}
