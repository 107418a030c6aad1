// SPDX-License-Identifier: Apache-2.0

/* Making, joining and ending sockets. */

#include "act.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void take(struct slot *slot, int fd, int family, int type)
{
	memset(slot, 0, sizeof(*slot));
	slot->fd = fd;
	slot->pipe[0] = slot->pipe[1] = -1;
	slot->used = fd >= 0;
	slot->family = family;
	slot->type = type;
	sha256_begin(&slot->sent_sum);
	sha256_begin(&slot->received_sum);
}

static unsigned port_of(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)address)->sin_port);
	if (address->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
	return 0;
}

static unsigned local_port_of(int fd)
{
	struct sockaddr_storage address = {};
	socklen_t bytes = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &bytes) ? 0 : port_of(&address);
}

void note_ports(struct slot *slot)
{
	struct sockaddr_storage address = {};
	socklen_t bytes = sizeof(address);

	slot->local_port = local_port_of(slot->fd);
	if (getpeername(slot->fd, (struct sockaddr *)&address, &bytes) == 0)
		slot->remote_port = port_of(&address);
}

/* ADDRESS PORT, or @NAME or a path for a unix socket. PORT =SLOT: the one that the slot is bound to. */
static socklen_t address_of(const struct slot *slot, char **words, struct sockaddr_storage *into)
{
	struct sockaddr_un *local = (void *)into;
	unsigned port = 0;
	socklen_t bytes;

	memset(into, 0, sizeof(*into));
	if (!words[0])
		give_up("act: an address is missing");
	if (slot->family == AF_UNIX) {
		local->sun_family = AF_UNIX;
		strncpy(local->sun_path, words[0], sizeof(local->sun_path));
		bytes = offsetof(struct sockaddr_un, sun_path) + strnlen(words[0], sizeof(local->sun_path));
		if (words[0][0] == '@')
			local->sun_path[0] = 0;
		return bytes;
	}
	if (words[1])
		port = words[1][0] == '=' ? local_port_of(slot_of(words[1] + 1)->fd) : (unsigned)atoi(words[1]);
	if (slot->family == AF_INET) {
		struct sockaddr_in *in = (void *)into;

		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		if (inet_pton(AF_INET, words[0], &in->sin_addr) != 1)
			give_up("act: no address '%s'", words[0]);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (void *)into;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)port);
	if (inet_pton(AF_INET6, words[0], &in6->sin6_addr) != 1)
		give_up("act: no address '%s'", words[0]);
	return sizeof(*in6);
}

/* socket SLOT tcp4|tcp6|udp4|udp6|unix|unix-dgram|unix-seqpacket */
static long act_socket(char **words, int count)
{
	static const struct {
		const char *name;
		int family, type;
	} kinds[] = {
		{"tcp4", AF_INET, SOCK_STREAM}, {"tcp6", AF_INET6, SOCK_STREAM},     {"udp4", AF_INET, SOCK_DGRAM},
		{"udp6", AF_INET6, SOCK_DGRAM}, {"unix", AF_UNIX, SOCK_STREAM},	     {"unix-dgram", AF_UNIX, SOCK_DGRAM},
		{"unix-seqpacket", AF_UNIX, SOCK_SEQPACKET},
	};
	struct slot *slot = slot_of(words[0]);

	for (size_t i = 0; count > 1 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, words[1]) == 0) {
			take(slot, socket(kinds[i].family, kinds[i].type | SOCK_CLOEXEC, 0), kinds[i].family, kinds[i].type);
			return slot->fd;
		}
	}
	give_up("act: no kind of socket '%s'", count > 1 ? words[1] : "");
}

/* pair SLOT SLOT stream|dgram|seqpacket */
static long act_pair(char **words, int count)
{
	int type = count < 3			      ? SOCK_STREAM :
		   strcmp(words[2], "dgram") == 0     ? SOCK_DGRAM :
		   strcmp(words[2], "seqpacket") == 0 ? SOCK_SEQPACKET :
							SOCK_STREAM;
	int fds[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds))
		return -1;
	take(slot_of(words[0]), fds[0], AF_UNIX, type);
	take(slot_of(words[1]), fds[1], AF_UNIX, type);
	return 0;
}

/* bind SLOT ADDRESS [PORT] */
static long act_bind(char **words, int count)
{
	struct slot *slot = slot_of(words[0]);
	struct sockaddr_storage address;
	socklen_t bytes = address_of(slot, words + 1, &address);
	int one = 1;

	setsockopt(slot->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(slot->fd, (struct sockaddr *)&address, bytes))
		return -1;
	return local_port_of(slot->fd);
}

/* listen SLOT */
static long act_listen(char **words, int count)
{
	return listen(slot_of(words[0])->fd, 64);
}

/* connect SLOT ADDRESS [PORT] */
static long act_connect(char **words, int count)
{
	struct slot *slot = slot_of(words[0]);
	struct sockaddr_storage address;
	socklen_t bytes = address_of(slot, words + 1, &address);
	long result = connect(slot->fd, (struct sockaddr *)&address, bytes);
	int error = errno;

	note_ports(slot);
	errno = error;
	return result;
}

/* accept LISTENER SLOT */
static long act_accept(char **words, int count)
{
	struct slot *listener = slot_of(words[0]), *slot = slot_of(words[1]);

	take(slot, accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC), listener->family, listener->type);
	if (slot->fd < 0)
		return -1;
	note_ports(slot);
	return slot->fd;
}

/* unspec SLOT: ends the connection, keeps the socket. */
static long act_unspec(char **words, int count)
{
	struct slot *slot = slot_of(words[0]);
	struct sockaddr address = {.sa_family = AF_UNSPEC};

	report(slot);
	return connect(slot->fd, &address, sizeof(address));
}

/* report SLOT: writes what was counted up to now, and counts anew. */
static long act_report(char **words, int count)
{
	struct slot *slot = slot_of(words[0]);

	report(slot);
	note_ports(slot);
	return 0;
}

/* shut SLOT r|w|rw */
static long act_shut(char **words, int count)
{
	int how = count < 2		     ? SHUT_RDWR :
		  strcmp(words[1], "r") == 0 ? SHUT_RD :
		  strcmp(words[1], "w") == 0 ? SHUT_WR :
					       SHUT_RDWR;

	return shutdown(slot_of(words[0])->fd, how);
}

/* close SLOT */
static long act_close(char **words, int count)
{
	struct slot *slot = slot_of(words[0]);
	int result;

	report(slot);
	result = close(slot->fd);
	slot->used = 0;
	slot->fd = -1;
	return result;
}

/* linger SLOT SECONDS */
static long act_linger(char **words, int count)
{
	struct linger linger = {.l_onoff = 1, .l_linger = count > 1 ? atoi(words[1]) : 0};

	return setsockopt(slot_of(words[0])->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/* option SLOT NAME VALUE */
static long act_option(char **words, int count)
{
	static const struct {
		const char *name;
		int level, option;
	} options[] = {
		{"sndbuf", SOL_SOCKET, SO_SNDBUF},
		{"rcvbuf", SOL_SOCKET, SO_RCVBUF},
		{"defer-accept", IPPROTO_TCP, TCP_DEFER_ACCEPT},
		{"nodelay", IPPROTO_TCP, TCP_NODELAY},
		{"cork", IPPROTO_TCP, TCP_CORK},
		{"quickack", IPPROTO_TCP, TCP_QUICKACK},
		{"syn-count", IPPROTO_TCP, TCP_SYNCNT},
		{"user-timeout", IPPROTO_TCP, TCP_USER_TIMEOUT},
		{"fastopen", IPPROTO_TCP, TCP_FASTOPEN},
		{"fastopen-connect", IPPROTO_TCP, TCP_FASTOPEN_CONNECT},
		{"v6only", IPPROTO_IPV6, IPV6_V6ONLY},
		{"oobinline", SOL_SOCKET, SO_OOBINLINE},
		{"peek-off", SOL_SOCKET, SO_PEEK_OFF},
	};
	int value = count > 2 ? atoi(words[2]) : 1;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(options[i].name, words[1]) == 0)
			return setsockopt(slot_of(words[0])->fd, options[i].level, options[i].option, &value,
					  sizeof(value));
	}
	give_up("act: no option '%s'", words[1]);
}

/* error SLOT: takes the socket's error, as programs do after a failure. */
static long act_error(char **words, int count)
{
	int error = 0;
	socklen_t bytes = sizeof(error);

	getsockopt(slot_of(words[0])->fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
	return error;
}

/* give CARRIER SLOT: passes the socket of SLOT over a unix socket. */
static long act_give(char **words, int count)
{
	char byte = 'x', control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	struct slot *carrier = slot_of(words[0]);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &slot_of(words[1])->fd, sizeof(int));
	return sendmsg(carrier->fd, &message, 0);
}

/* got CARRIER SLOT: takes a socket that was passed; what it moves is counted from 0 here. */
static long act_got(char **words, int count)
{
	char byte, control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct slot *slot = slot_of(words[1]);
	int fd;

	if (recvmsg(slot_of(words[0])->fd, &message, MSG_CMSG_CLOEXEC) < 0 || !CMSG_FIRSTHDR(&message))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	take(slot, fd, AF_INET, SOCK_STREAM);
	note_ports(slot);
	return fd;
}

const struct act socket_acts[] = {
	{"socket", act_socket}, {"pair", act_pair},	{"bind", act_bind},	{"listen", act_listen},
	{"connect", act_connect}, {"accept", act_accept}, {"unspec", act_unspec}, {"report", act_report},
	{"shut", act_shut},	{"close", act_close},	{"linger", act_linger}, {"option", act_option},
	{"error", act_error},	{"give", act_give},	{"got", act_got},	{},
};
