// SPDX-License-Identifier: Apache-2.0

/* Bytes through sockets, by every call that moves them. */

#include "act.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define PARTS 3

/* Three parts of unequal size. */
static void divide(struct iovec *parts, void *bytes, size_t count)
{
	size_t first = count / 5, second = count / 3;

	parts[0] = (struct iovec){bytes, first};
	parts[1] = (struct iovec){(uint8_t *)bytes + first, second};
	parts[2] = (struct iovec){(uint8_t *)bytes + first + second, count - first - second};
}

static ssize_t send_file(struct slot *slot, const uint8_t *bytes, size_t count)
{
	int file = memfd_create("act", MFD_CLOEXEC);
	off_t offset = 0;
	ssize_t result = -1;

	if (file >= 0 && write(file, bytes, count) == (ssize_t)count)
		result = sendfile(slot->fd, file, &offset, count);
	close(file);
	return result;
}

static void open_pipe(struct slot *slot)
{
	if (slot->pipe[0] < 0 && pipe2(slot->pipe, O_CLOEXEC | O_NONBLOCK))
		give_up("act: pipe: %s", strerror(errno));
}

/* What a first splice leaves in the pipe is sent by the next. */
static ssize_t splice_out(struct slot *slot, const uint8_t *bytes, size_t count)
{
	ssize_t result;

	open_pipe(slot);
	if (!slot->piped)
		slot->piped = (size_t)write(slot->pipe[1], bytes, count < 65536 ? count : 65536);
	result = splice(slot->pipe[0], NULL, slot->fd, NULL, slot->piped < count ? slot->piped : count, 0);
	if (result > 0)
		slot->piped -= (size_t)result;
	return result;
}

static ssize_t splice_in(struct slot *slot, uint8_t *bytes, size_t count)
{
	ssize_t result;

	open_pipe(slot);
	result = splice(slot->fd, NULL, slot->pipe[1], NULL, count < 65536 ? count : 65536, 0);
	return result > 0 ? read(slot->pipe[0], bytes, (size_t)result) : result;
}

static ssize_t send_zerocopy(struct slot *slot, const uint8_t *bytes, size_t count)
{
	int one = 1;
	void *kept;

	if (!slot->zerocopy && setsockopt(slot->fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		return -1;
	slot->zerocopy = 1;
	/* The kernel sends from this memory later: it is not touched again. */
	kept = malloc(count);
	memcpy(kept, bytes, count);
	return send(slot->fd, kept, count, MSG_ZEROCOPY);
}

static ssize_t send_messages(struct slot *slot, uint8_t *bytes, size_t count)
{
	struct iovec parts[PARTS];
	struct mmsghdr messages[PARTS] = {};
	ssize_t total = 0;
	int sent;

	divide(parts, bytes, count);
	for (int i = 0; i < PARTS; i++)
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
	sent = sendmmsg(slot->fd, messages, PARTS, 0);
	if (sent <= 0)
		return sent;
	for (int i = 0; i < sent; i++)
		total += messages[i].msg_len;
	return total;
}

static ssize_t receive_messages(struct slot *slot, uint8_t *bytes, size_t count)
{
	struct mmsghdr messages[PARTS] = {};
	struct iovec parts[PARTS];
	uint8_t *end = bytes;
	int got;

	divide(parts, bytes, count);
	for (int i = 0; i < PARTS; i++)
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
	got = recvmmsg(slot->fd, messages, PARTS, MSG_WAITFORONE, NULL);
	for (int i = 0; i < got; i++) {
		memmove(end, parts[i].iov_base, messages[i].msg_len);
		end += messages[i].msg_len;
	}
	return got < 0 ? -1 : end - bytes;
}

static ssize_t push(struct slot *slot, const char *way, uint8_t *bytes, size_t count)
{
	struct iovec parts[PARTS];
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = PARTS};

	divide(parts, bytes, count);
	if (strcmp(way, "write") == 0)
		return write(slot->fd, bytes, count);
	if (strcmp(way, "send") == 0)
		return send(slot->fd, bytes, count, 0);
	if (strcmp(way, "more") == 0)
		return send(slot->fd, bytes, count, MSG_MORE);
	if (strcmp(way, "oob") == 0)
		return send(slot->fd, bytes, count, MSG_OOB);
	if (strcmp(way, "sendto") == 0)
		return sendto(slot->fd, bytes, count, 0, NULL, 0);
	if (strcmp(way, "writev") == 0)
		return writev(slot->fd, parts, PARTS);
	if (strcmp(way, "sendmsg") == 0)
		return sendmsg(slot->fd, &message, 0);
	if (strcmp(way, "sendmmsg") == 0)
		return send_messages(slot, bytes, count);
	if (strcmp(way, "sendfile") == 0)
		return send_file(slot, bytes, count);
	if (strcmp(way, "splice") == 0)
		return splice_out(slot, bytes, count);
	if (strcmp(way, "zerocopy") == 0)
		return send_zerocopy(slot, bytes, count);
	if (strcmp(way, "uring") == 0)
		return uring_send(slot->fd, bytes, count);
	give_up("act: no way to send '%s'", way);
}

static ssize_t pull(struct slot *slot, const char *way, uint8_t *bytes, size_t count)
{
	struct iovec parts[PARTS];
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = PARTS};

	divide(parts, bytes, count);
	if (strcmp(way, "read") == 0)
		return read(slot->fd, bytes, count);
	if (strcmp(way, "recv") == 0)
		return recv(slot->fd, bytes, count, 0);
	if (strcmp(way, "oob") == 0)
		return recv(slot->fd, bytes, count, MSG_OOB);
	if (strcmp(way, "recvfrom") == 0)
		return recvfrom(slot->fd, bytes, count, 0, NULL, NULL);
	if (strcmp(way, "readv") == 0)
		return readv(slot->fd, parts, PARTS);
	if (strcmp(way, "recvmsg") == 0)
		return recvmsg(slot->fd, &message, 0);
	if (strcmp(way, "recvmmsg") == 0)
		return receive_messages(slot, bytes, count);
	if (strcmp(way, "splice") == 0)
		return splice_in(slot, bytes, count);
	if (strcmp(way, "uring") == 0)
		return uring_receive(slot->fd, bytes, count);
	give_up("act: no way to receive '%s'", way);
}

static ssize_t push_next(struct slot *slot, const char *way, uint64_t left)
{
	static uint8_t *bytes;
	static size_t room;
	size_t count = left < chunk ? (size_t)left : chunk;
	ssize_t result;

	if (room < chunk) {
		free(bytes);
		bytes = malloc(room = chunk);
	}
	fill_pattern(bytes, count, (unsigned)(slot - slots), slot->sent);
	result = push(slot, way, bytes, count);
	if (result > 0) {
		sha256_add(&slot->sent_sum, bytes, (size_t)result);
		slot->sent += (uint64_t)result;
	}
	return result;
}

static ssize_t pull_next(struct slot *slot, const char *way, uint64_t left)
{
	static uint8_t *bytes;
	static size_t room;
	ssize_t result;

	if (room < chunk) {
		free(bytes);
		bytes = malloc(room = chunk);
	}
	result = pull(slot, way, bytes, left < chunk ? (size_t)left : chunk);
	if (result > 0) {
		sha256_add(&slot->received_sum, bytes, (size_t)result);
		slot->received += (uint64_t)result;
	}
	return result;
}

/* send SLOT BYTES WAY: until all are taken or one call fails. */
static long act_send(char **words, int count)
{
	struct slot *slot = slot_of(words[0]);
	uint64_t bytes = strtoull(words[1], NULL, 10), before = slot->sent;
	ssize_t result = 0;

	while (slot->sent - before < bytes && (result = push_next(slot, words[2], bytes - (slot->sent - before))) > 0)
		;
	return result < 0 ? -1 : (long)(slot->sent - before);
}

/* fill SLOT: writes until the socket takes no more. */
static long act_fill(char **words, int count)
{
	struct slot *slot = slot_of(words[0]);
	uint64_t before = slot->sent;
	int flags = fcntl(slot->fd, F_GETFL);

	fcntl(slot->fd, F_SETFL, flags | O_NONBLOCK);
	while (push_next(slot, "send", chunk) > 0)
		;
	fcntl(slot->fd, F_SETFL, flags);
	return (long)(slot->sent - before);
}

/* receive SLOT BYTES WAY: until so many came, or the end. */
static long act_receive(char **words, int count)
{
	struct slot *slot = slot_of(words[0]);
	uint64_t bytes = strtoull(words[1], NULL, 10), before = slot->received;
	ssize_t result = 0;

	while (slot->received - before < bytes &&
	       (result = pull_next(slot, words[2], bytes - (slot->received - before))) > 0)
		;
	return result < 0 ? -1 : (long)(slot->received - before);
}

/* peek SLOT BYTES */
static long act_peek(char **words, int count)
{
	uint8_t *bytes = malloc(chunk);
	long result = recv(slot_of(words[0])->fd, bytes, strtoull(words[1], NULL, 10), MSG_PEEK);

	free(bytes);
	return result;
}

/* move FROM TO BYTES WAY WAY: sends on one and receives on the other at once, so that neither waits for ever. */
static long act_move(char **words, int count)
{
	struct slot *from = slot_of(words[0]), *to = slot_of(words[1]);
	uint64_t bytes = strtoull(words[2], NULL, 10), sent = 0, received = 0;
	int from_flags = fcntl(from->fd, F_GETFL), to_flags = fcntl(to->fd, F_GETFL);

	fcntl(from->fd, F_SETFL, from_flags | O_NONBLOCK);
	fcntl(to->fd, F_SETFL, to_flags | O_NONBLOCK);
	while (received < bytes) {
		struct pollfd ends[2] = {{to->fd, POLLIN, 0}, {from->fd, sent < bytes ? POLLOUT : 0, 0}};
		ssize_t result;

		if (poll(ends, 2, -1) < 0)
			return -1;
		if (sent < bytes && (ends[1].revents & POLLOUT)) {
			result = push_next(from, words[3], bytes - sent);
			if (result < 0 && errno != EAGAIN)
				return -1;
			sent += result > 0 ? (uint64_t)result : 0;
		}
		if (ends[0].revents) {
			result = pull_next(to, words[4], bytes - received);
			if (result == 0 || (result < 0 && errno != EAGAIN))
				return result < 0 ? -1 : (long)received;
			received += result > 0 ? (uint64_t)result : 0;
		}
	}
	fcntl(from->fd, F_SETFL, from_flags);
	fcntl(to->fd, F_SETFL, to_flags);
	return (long)received;
}

/* datagram SLOT BYTES ADDRESS PORT, or for a unix socket SLOT BYTES NAME: one that is sent to an address. */
static long act_datagram(char **words, int count)
{
	struct slot *slot = slot_of(words[0]);
	size_t bytes = strtoull(words[1], NULL, 10);
	struct sockaddr_storage to = {};
	socklen_t length;
	uint8_t *buffer = malloc(bytes + 1);
	ssize_t result;

	if (slot->family == AF_UNIX) {
		struct sockaddr_un *local = (void *)&to;

		local->sun_family = AF_UNIX;
		strncpy(local->sun_path, words[2], sizeof(local->sun_path) - 1);
		length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(local->sun_path));
		if (words[2][0] == '@')
			local->sun_path[0] = 0;
	} else if (slot->family == AF_INET6) {
		struct sockaddr_in6 *in6 = (void *)&to;

		*in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)atoi(words[3]))};
		inet_pton(AF_INET6, words[2], &in6->sin6_addr);
		length = sizeof(*in6);
	} else {
		struct sockaddr_in *in = (void *)&to;

		*in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[3]))};
		inet_pton(AF_INET, words[2], &in->sin_addr);
		length = sizeof(*in);
	}
	fill_pattern(buffer, bytes, (unsigned)(slot - slots), slot->sent);
	result = sendto(slot->fd, buffer, bytes, 0, (struct sockaddr *)&to, length);
	if (result > 0) {
		sha256_add(&slot->sent_sum, buffer, (size_t)result);
		slot->sent += (uint64_t)result;
	}
	free(buffer);
	return result;
}

/* chunk BYTES: what one call is given from here on. */
static long act_chunk(char **words, int count)
{
	chunk = strtoull(words[0], NULL, 10);
	return (long)chunk;
}

const struct act move_acts[] = {
	{"send", act_send}, {"fill", act_fill}, {"receive", act_receive},   {"peek", act_peek},
	{"move", act_move}, {"chunk", act_chunk}, {"datagram", act_datagram}, {},
};
