// SPDX-License-Identifier: Apache-2.0

/* Waits until it is ended, or at most a minute. */

#include <unistd.h>

int main(void)
{
	alarm(60);
	pause();
	return 0;
}
