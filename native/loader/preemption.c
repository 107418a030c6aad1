// SPDX-License-Identifier: Apache-2.0

/* Whether this kernel takes the processor from a task while it is in the kernel. */

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <zlib.h>

#include "capture_state.h"

/* The value of the last preempt= that the kernel was started with; "" without one. */
static void read_chosen(char *value, size_t room)
{
	static char line[8192];
	FILE *file = fopen("/proc/cmdline", "r");
	size_t bytes = file ? fread(line, 1, sizeof(line) - 1, file) : 0;

	if (file)
		fclose(file);
	line[bytes] = 0;
	value[0] = 0;
	for (char *rest = line, *word; (word = strtok_r(rest, " \n", &rest));)
		if (strncmp(word, "preempt=", 8) == 0)
			snprintf(value, room, "%s", word + 8);
}

/* As the kernel was configured, as far as it says so to everybody. gzopen reads what is not compressed, too. */
static bool is_configured_without(const char *release)
{
	char line[256], path[256];
	bool without = false;
	gzFile file;

	snprintf(path, sizeof(path), "/boot/config-%s", release);
	file = gzopen("/proc/config.gz", "r");
	if (!file)
		file = gzopen(path, "r");
	while (file && gzgets(file, line, sizeof(line)))
		without = without || strcmp(line, "CONFIG_PREEMPT_NONE=y\n") == 0 ||
			  strcmp(line, "CONFIG_PREEMPT_VOLUNTARY=y\n") == 0;
	if (file)
		gzclose(file);
	return without;
}

bool sworn_kernel_preempts_itself(void)
{
	struct utsname name;
	char chosen[16];

	if (uname(&name))
		return true;
	if (!strstr(name.version, "PREEMPT"))
		return false;
	if (!strstr(name.version, "PREEMPT_DYNAMIC"))
		return true;
	read_chosen(chosen, sizeof(chosen));
	if (chosen[0])
		return strcmp(chosen, "none") != 0 && strcmp(chosen, "voluntary") != 0;
	return !is_configured_without(name.release);
}
