/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Asks for tokens as App Service clients do, as often and from as many sides as wanted, and says how long each answer took.
 *
 *   ask PORT PROCESSES CONNECTIONS REQUESTS kept|new TARGET
 *
 * So many processes, each with so many connections, each of which asks so often, one request after the other; `new`: a
 * connection for each request, whose making is part of its time. X-IDENTITY-HEADER is that of the environment. All begin at
 * once. Prints one JSON object: elapsedNs, and ns and status of each answer, in the order in which a connection had them.
 */

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define REQUEST_BYTES_MAX 4096
#define ANSWER_BYTES_MAX 16384

struct answer {
	uint64_t ns;
	uint32_t status;
};

struct connection {
	int fd;
	int done;
	uint64_t since;
	size_t bytes;
	char text[ANSWER_BYTES_MAX + 1];
};

static struct sockaddr_in address;
static char request[REQUEST_BYTES_MAX];
static size_t request_bytes;
static int connections, requests, kept;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void join_server(struct connection *one)
{
	int yes = 1;

	one->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (one->fd < 0 || connect(one->fd, (void *)&address, sizeof(address)))
		fail("connect");
	setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

static void ask(struct connection *one)
{
	one->since = now_ns();
	one->bytes = 0;
	if (!kept)
		join_server(one);
	if (send(one->fd, request, request_bytes, MSG_NOSIGNAL) != (ssize_t)request_bytes)
		fail("send");
}

/* The status of an answer that is there as a whole; 0 while it is not. */
static uint32_t whole_answer(struct connection *one)
{
	const char *end, *length;

	one->text[one->bytes] = 0;
	end = strstr(one->text, "\r\n\r\n");
	if (!end)
		return 0;
	length = strcasestr(one->text, "\r\ncontent-length:");
	if (!length || length > end || one->bytes < (size_t)(end + 4 - one->text) + strtoul(length + 17, NULL, 10))
		return 0;
	return strtoul(one->text + sizeof("HTTP/1.1"), NULL, 10);
}

/* True when the connection has asked as often as it should. */
static int take(struct connection *one, struct answer *answers)
{
	ssize_t got = recv(one->fd, one->text + one->bytes, ANSWER_BYTES_MAX - one->bytes, 0);
	uint32_t status;

	if (got <= 0)
		fail("recv");
	one->bytes += got;
	status = whole_answer(one);
	if (!status)
		return 0;
	answers[one->done++] = (struct answer){.ns = now_ns() - one->since, .status = status};
	if (!kept)
		close(one->fd);
	if (one->done == requests)
		return 1;
	ask(one);
	return 0;
}

static void ask_all(struct answer *answers)
{
	static struct connection all[CONNECTIONS_MAX];
	static struct pollfd polled[CONNECTIONS_MAX];
	int left = connections;

	for (int i = 0; i < connections && kept; i++)
		join_server(&all[i]);
	for (int i = 0; i < connections; i++)
		ask(&all[i]);
	while (left > 0) {
		for (int i = 0; i < connections; i++)
			polled[i] = (struct pollfd){.fd = all[i].done == requests ? -1 : all[i].fd, .events = POLLIN};
		if (poll(polled, connections, -1) < 0)
			fail("poll");
		for (int i = 0; i < connections; i++)
			if (polled[i].revents && take(&all[i], answers + (size_t)i * requests))
				left--;
	}
}

static void work(struct answer *answers, int ready, int begin)
{
	char byte = 0;

	if (write(ready, &byte, 1) != 1 || read(begin, &byte, 1) != 0)
		fail("begin");
	ask_all(answers);
	exit(0);
}

int main(int argc, char **argv)
{
	const char *secret = getenv("IDENTITY_HEADER");
	int processes, ready[2], begin[2], status, failed = 0;
	struct answer *answers;
	uint64_t since, until;
	size_t each, all;

	if (argc != 7)
		return 2;
	address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	address.sin_port = htons(atoi(argv[1]));
	processes = atoi(argv[2]);
	connections = atoi(argv[3]);
	requests = atoi(argv[4]);
	kept = !strcmp(argv[5], "kept");
	if (connections > CONNECTIONS_MAX)
		return 2;
	request_bytes = snprintf(request, sizeof(request),
				 "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nX-IDENTITY-HEADER: %s\r\n\r\n", argv[6],
				 argv[1], secret ? secret : "none");
	each = (size_t)connections * requests;
	all = each * processes;
	answers = mmap(NULL, all * sizeof(*answers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (answers == MAP_FAILED || pipe(ready) || pipe(begin))
		fail("prepare");
	for (int i = 0; i < processes; i++) {
		pid_t child = fork();

		if (child < 0)
			fail("fork");
		if (child == 0) {
			close(begin[1]);
			work(answers + i * each, ready[1], begin[0]);
		}
	}
	for (int i = 0; i < processes; i++) {
		char byte;

		if (read(ready[0], &byte, 1) != 1)
			fail("ready");
	}
	since = now_ns();
	close(begin[1]);
	for (int i = 0; i < processes; i++)
		if (wait(&status) < 0 || status)
			failed = 1;
	until = now_ns();
	if (failed)
		return 1;
	printf("{\"elapsedNs\":%llu,\"answers\":[", (unsigned long long)(until - since));
	for (size_t i = 0; i < all; i++)
		printf("%s[%llu,%u]", i ? "," : "", (unsigned long long)answers[i].ns, answers[i].status);
	printf("]}\n");
	return 0;
}
