/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sends what stands on its standard input and says what came back: ask WHERE, which is [ADDRESS:]PORT, unix:PATH or fd:N.
 * A line of JSON: its pid, and the answer in hexadecimal. Linked statically, so that it is one file wherever it runs.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static void give_up(const char *doing)
{
	printf("{\"pid\":%d,\"received\":\"\",\"failed\":\"%s: %s\"}\n", getpid(), doing, strerror(errno));
	exit(0);
}

static int connected(const char *where)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct timeval at_most = {.tv_sec = 10};
	const char *colon = strrchr(where, ':');
	char host[64] = "127.0.0.1";
	int fd;

	if (strncmp(where, "fd:", 3) == 0)
		return atoi(where + 3);
	if (strncmp(where, "unix:", 5) == 0) {
		snprintf(un.sun_path, sizeof(un.sun_path), "%s", where + 5);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0)
			give_up("connect");
		return fd;
	}
	if (colon != NULL)
		snprintf(host, sizeof(host), "%.*s", (int)(colon - where), where);
	in.sin_port = htons((unsigned short)atoi(colon == NULL ? where : colon + 1));
	inet_pton(AF_INET, host, &in.sin_addr);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &at_most, sizeof(at_most));
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) < 0)
		give_up("connect");
	return fd;
}

int main(int argc, char **argv)
{
	static char request[65536], answer[65536];
	size_t length = fread(request, 1, sizeof(request), stdin), got = 0;
	struct timeval at_most = {.tv_sec = 20};
	ssize_t count;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	fd = connected(argc > 1 ? argv[1] : "");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &at_most, sizeof(at_most));
	if (length > 0 && write(fd, request, length) < 0)
		give_up("write");
	while (got < sizeof(answer) && (count = read(fd, answer + got, sizeof(answer) - got)) > 0)
		got += (size_t)count;
	printf("{\"pid\":%d,\"received\":\"", getpid());
	for (size_t at = 0; at < got; at++)
		printf("%02x", (unsigned char)answer[at]);
	printf("\"}\n");
	return 0;
}
