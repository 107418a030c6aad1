/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WAY_H
#define WAY_H

/*
 * What the programs share. Each is called as PROGRAM PORT NAME MESSAGE [PID]: PORT is where a server listens on loopback,
 * NAME is for unix addresses of its own, MESSAGE is what it is to bring across, PID is another process's.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* The kernel refuses it: nobody can take this way here. */
#define NOT_HERE 77

static inline void give_up(const char *doing)
{
	int status = errno == ENOSYS || errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? NOT_HERE : 1;

	fprintf(stderr, "%s: %s\n", doing, strerror(errno));
	exit(status);
}

static inline int must(int result, const char *doing)
{
	if (result < 0)
		give_up(doing);
	return result;
}

static inline struct sockaddr_in loopback(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static inline int connect_tcp(const char *port)
{
	struct sockaddr_in address = loopback(atoi(port));
	int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");

	must(connect(fd, (struct sockaddr *)&address, sizeof(address)), "connect");
	return fd;
}

static inline void send_all(int fd, const void *bytes, size_t count)
{
	for (const char *at = bytes; count > 0;) {
		int sent = must((int)send(fd, at, count, MSG_NOSIGNAL), "send");

		at += sent;
		count -= (size_t)sent;
	}
}

/* Ends the sending side and waits until the server has closed too: nothing is under way any more. */
static inline void finish(int fd)
{
	char rest[64];

	shutdown(fd, SHUT_WR);
	while (read(fd, rest, sizeof(rest)) > 0)
		;
	close(fd);
}

/* An abstract address, or with a slash a path. */
static inline socklen_t unix_address(const char *name, struct sockaddr_un *address)
{
	size_t length = strlen(name), offset = name[0] == '/' ? 0 : 1;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path + offset, name, length);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + offset + length);
}

static inline int connect_unix(int type, const char *name)
{
	struct sockaddr_un address;
	socklen_t length = unix_address(name, &address);
	int fd = must(socket(AF_UNIX, type, 0), "socket");

	/* The other program may not listen yet. */
	for (int i = 0; connect(fd, (struct sockaddr *)&address, length) < 0; i++) {
		if (i > 1000)
			give_up("connect");
		usleep(10000);
	}
	return fd;
}

static inline int listen_unix(int type, const char *name)
{
	struct sockaddr_un address;
	socklen_t length = unix_address(name, &address);
	int fd = must(socket(AF_UNIX, type, 0), "socket");

	must(bind(fd, (struct sockaddr *)&address, length), "bind");
	if (type != SOCK_DGRAM)
		must(listen(fd, 4), "listen");
	return fd;
}

/* What the program's own other end was given: the truth where no server of the test is there. */
static inline void tell_received(const void *bytes, size_t count)
{
	printf("{\"received\":\"");
	for (size_t i = 0; i < count; i++)
		printf("%02x", ((const uint8_t *)bytes)[i]);
	printf("\"}\n");
	fflush(stdout);
}

static inline void receive_and_tell(int fd)
{
	char bytes[4096];
	size_t filled = 0;
	ssize_t got;
	int type = 0;
	socklen_t length = sizeof(type);

	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length);
	do {
		got = read(fd, bytes + filled, sizeof(bytes) - filled);
		filled += got > 0 ? (size_t)got : 0;
	} while (got > 0 && type == SOCK_STREAM);
	tell_received(bytes, filled);
}

static inline void pass_fd(int through, int fd)
{
	char byte = 'f', control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	must((int)sendmsg(through, &message, 0), "sendmsg");
}

static inline int take_fd(int through)
{
	char byte, control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int fd = -1;

	must((int)recvmsg(through, &message, 0), "recvmsg");
	if (CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}

#endif
