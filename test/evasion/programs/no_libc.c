// SPDX-License-Identifier: Apache-2.0

/* No library at all: nothing to hook in the program, its system calls are instructions of its own. */

typedef unsigned long word;

#if defined(__x86_64__)
enum { CALL_SOCKET = 41, CALL_CONNECT = 42, CALL_WRITE = 1, CALL_READ = 0, CALL_SHUTDOWN = 48, CALL_EXIT = 231 };

static word call(word number, word a, word b, word c)
{
	word result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return result;
}

__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n");
#elif defined(__aarch64__)
enum { CALL_SOCKET = 198, CALL_CONNECT = 203, CALL_WRITE = 64, CALL_READ = 63, CALL_SHUTDOWN = 210, CALL_EXIT = 94 };

static word call(word number, word a, word b, word c)
{
	register word x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
}

__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tbl begin\n");
#endif

__attribute__((used, noreturn)) void begin(word *stack)
{
	const char *port = (const char *)stack[2], *message = (const char *)stack[4];
	/* sockaddr_in, loopback. */
	unsigned char address[16] = {2, 0, 0, 0, 127, 0, 0, 1};
	unsigned number = 0;
	word fd, length = 0;

	while (*port)
		number = number * 10 + (unsigned)(*port++ - '0');
	while (message[length])
		length++;
	address[2] = (unsigned char)(number >> 8);
	address[3] = (unsigned char)number;
	fd = call(CALL_SOCKET, 2, 1, 0);
	call(CALL_CONNECT, fd, (word)address, sizeof(address));
	call(CALL_WRITE, fd, (word)message, length);
	call(CALL_SHUTDOWN, fd, 1, 0);
	call(CALL_READ, fd, (word)address, sizeof(address));
	call(CALL_EXIT, 0, 0, 0);
	__builtin_unreachable();
}
