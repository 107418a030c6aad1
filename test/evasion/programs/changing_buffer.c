// SPDX-License-Identifier: Apache-2.0

/* While one thread sends a buffer, another one writes something else there: what the call was given is not what left. */

#include "way.h"

#include <pthread.h>
#include <stdatomic.h>

#define BUFFER_BYTES (256 * 1024)
#define ROUNDS 8

static char buffer[BUFFER_BYTES];
static atomic_int stop;

static void *change(void *unused)
{
	for (unsigned round = 0; !atomic_load(&stop); round++) {
		for (size_t i = 256; i < BUFFER_BYTES; i += 64)
			((volatile char *)buffer)[i] = (char)('a' + round % 26);
	}
	return NULL;
}

int main(int count, char **arguments)
{
	int fd = connect_tcp(arguments[1]);
	pthread_t thread;

	memset(buffer, '.', sizeof(buffer));
	memcpy(buffer, arguments[3], strlen(arguments[3]));
	if (pthread_create(&thread, NULL, change, NULL))
		return 1;
	for (int i = 0; i < ROUNDS; i++)
		send_all(fd, buffer, sizeof(buffer));
	atomic_store(&stop, 1);
	pthread_join(thread, NULL);
	finish(fd);
	return 0;
}
