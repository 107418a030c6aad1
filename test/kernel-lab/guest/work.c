// SPDX-License-Identifier: Apache-2.0

#include "work.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static uint8_t buffer[1 << 20];

static void fill(uint64_t from, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		buffer[i] = work_byte(from + i);
}

static int read_all(int fd, size_t bytes)
{
	while (bytes) {
		ssize_t got = read(fd, buffer, bytes < sizeof(buffer) ? bytes : sizeof(buffer));

		if (got <= 0)
			return -1;
		bytes -= (size_t)got;
	}
	return 0;
}

int use_pipe(void)
{
	static const size_t sizes[] = {1, 5000, 70000};
	struct iovec parts[3] = {{buffer, 100}, {buffer + 100, 2000}, {buffer + 2100, 300}};
	uint64_t place = 0;
	int ends[2], file;

	if (pipe(ends) || fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) < 0)
		return __LINE__;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fill(place, sizes[i]);
		if (write(ends[1], buffer, sizes[i]) != (ssize_t)sizes[i])
			return __LINE__;
		place += sizes[i];
	}
	fill(place, 2400);
	if (writev(ends[1], parts, 3) != 2400 || read_all(ends[0], 10000) || readv(ends[0], parts, 3) != 2400)
		return __LINE__;
	file = open("/tmp/spliced", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (file < 0 || write(file, buffer, SPLICED_BYTES) != SPLICED_BYTES || lseek(file, 0, SEEK_SET) ||
	    splice(file, NULL, ends[1], NULL, SPLICED_BYTES, 0) != SPLICED_BYTES)
		return __LINE__;
	close(ends[1]);
	if (read_all(ends[0], PIPE_BYTES + SPLICED_BYTES - 12400) || read(ends[0], buffer, 10))
		return __LINE__;
	return 0;
}

int flood_pipe(void)
{
	int ends[2];

	if (pipe(ends))
		return __LINE__;
	for (size_t moved = 0; moved < FLOOD_BYTES; moved += 1 << 15)
		if (write(ends[1], buffer, 1 << 15) != 1 << 15 || read_all(ends[0], 1 << 15))
			return __LINE__;
	return 0;
}

static int in_terminal(const char *name)
{
	struct iovec parts[3] = {{"by", 2}, {"e", 1}, {"\n", 1}};
	struct termios settings;
	int fd;

	setsid();
	fd = open(name, O_RDWR);
	if (fd < 0 || write(fd, "name? ", 6) != 6 || read(fd, buffer, 100) != 4 || tcgetattr(fd, &settings))
		return __LINE__;
	settings.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(fd, TCSANOW, &settings) || write(fd, "secret? ", 8) != 8 || read(fd, buffer, 100) != 8)
		return __LINE__;
	return writev(fd, parts, 3) == 4 ? 0 : __LINE__;
}

static int wait_for(int fd, const char *text)
{
	size_t wanted = strlen(text), had = 0;

	while (had < wanted || memcmp(buffer + had - wanted, text, wanted)) {
		ssize_t got = read(fd, buffer + had, 100);

		if (got <= 0 || had > 10000)
			return -1;
		had += (size_t)got;
	}
	return 0;
}

int use_terminal(void)
{
	struct winsize size = {.ws_row = TERMINAL_ROWS, .ws_col = TERMINAL_COLUMNS};
	int master = posix_openpt(O_RDWR | O_NOCTTY), status;
	pid_t child;

	if (master < 0 || grantpt(master) || unlockpt(master) || ioctl(master, TIOCSWINSZ, &size))
		return __LINE__;
	child = fork();
	if (child == 0)
		_exit(in_terminal(ptsname(master)));
	if (wait_for(master, "name? ") || write(master, "ada\n", 4) != 4 || wait_for(master, "secret? ") ||
	    write(master, "hunter2\n", 8) != 8 || wait_for(master, "bye\r\n"))
		return __LINE__;
	return waitpid(child, &status, 0) == child && status == 0 ? 0 : __LINE__;
}

/* One request by a ring of its own; its result, or -1. */
static int ask_ring(const struct io_uring_sqe *request)
{
	struct io_uring_params parameters = {};
	int ring = (int)syscall(SYS_io_uring_setup, 4, &parameters);
	size_t entries = parameters.sq_entries * sizeof(*request), sizes;
	const struct io_uring_cqe *answers;
	struct io_uring_sqe *requests;
	uint8_t *rings;
	int result;

	if (ring < 0)
		return -1;
	sizes = parameters.cq_off.cqes + parameters.cq_entries * sizeof(*answers);
	rings = mmap(NULL, sizes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
	requests = mmap(NULL, entries, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
	if (rings == MAP_FAILED || requests == MAP_FAILED)
		return -1;
	requests[0] = *request;
	((uint32_t *)(rings + parameters.sq_off.array))[0] = 0;
	__atomic_store_n((uint32_t *)(rings + parameters.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return -1;
	answers = (const void *)(rings + parameters.cq_off.cqes);
	result = answers[0].res;
	munmap(rings, sizes);
	munmap(requests, entries);
	close(ring);
	return result;
}

int use_ring(void)
{
	struct io_uring_sqe request = {.opcode = IORING_OP_WRITE, .off = (uint64_t)-1, .len = RING_BYTES_MOVED};
	int ends[2];

	fill(0, RING_BYTES_MOVED);
	if (pipe(ends))
		return __LINE__;
	request.fd = ends[1];
	request.addr = (uint64_t)(unsigned long)buffer;
	if (ask_ring(&request) != RING_BYTES_MOVED)
		return __LINE__;
	request.opcode = IORING_OP_READ;
	request.fd = ends[0];
	return ask_ring(&request) == RING_BYTES_MOVED ? 0 : __LINE__;
}

int splice_by_ring(void)
{
	struct io_uring_sqe request = {.opcode = IORING_OP_SPLICE, .len = 10, .splice_off_in = (uint64_t)-1, .off = (uint64_t)-1};
	int from[2], to[2];

	if (pipe(from) || pipe(to) || write(from[1], buffer, 10) != 10)
		return __LINE__;
	request.splice_fd_in = from[0];
	request.fd = to[1];
	return ask_ring(&request) == 10 ? 0 : __LINE__;
}

int write_compat(void)
{
#ifdef __x86_64__
	int ends[2];
	long result;

	fill(0, COMPAT_BYTES);
	if (pipe(ends))
		return __LINE__;
	/* The program is static and below 4 GiB, so the address of the buffer fits. */
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(4L), "b"((long)ends[1]), "c"(buffer), "d"((long)COMPAT_BYTES)
			 : "memory", "r8", "r9", "r10", "r11");
	return result == COMPAT_BYTES ? 0 : __LINE__;
#else
	return 0;
#endif
}

int send_datagrams(void)
{
	static const size_t sizes[] = DATAGRAM_SIZES;
	struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(53)};
	int to = socket(AF_INET, SOCK_DGRAM, 0), from = socket(AF_INET, SOCK_DGRAM, 0);

	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(to, (struct sockaddr *)&server, sizeof(server)))
		return __LINE__;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fill(sizes[i], sizes[i]);
		if (sendto(from, buffer, sizes[i], 0, (struct sockaddr *)&server, sizeof(server)) != (ssize_t)sizes[i] ||
		    recv(to, buffer, sizeof(buffer), 0) != (ssize_t)sizes[i])
			return __LINE__;
	}
	return 0;
}

int make_calls(void)
{
	char byte = 0;
	struct iovec part = {&byte, 1};
	int pair[2], ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || pipe(ends) || write(pair[0], "x", 1) != 1)
		return __LINE__;
	if (splice(pair[1], NULL, ends[1], NULL, 1, 0) != 1)
		return __LINE__;
	syscall(SYS_ptrace, -1, 0, 0, 0);
	syscall(SYS_process_vm_writev, getpid(), &part, 1, &part, 1, 0);
	syscall(SYS_pidfd_getfd, -1, 0, 0);
	syscall(SYS_setns, -1, 0);
	syscall(SYS_unshare, 0);
	return 0;
}

int make_compat_call(void)
{
#ifdef __x86_64__
	long result;

	/* unshare */
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(310L), "b"(0L) : "memory", "r8", "r9", "r10", "r11");
	return result == 0 ? 0 : __LINE__;
#else
	return 0;
#endif
}
