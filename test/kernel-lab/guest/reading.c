// SPDX-License-Identifier: Apache-2.0

/*
 * In a guest: whether pipes, terminals, keys of SSH and datagrams of DNS are read there as they are elsewhere. Prints a line
 * of JSON for each thing that was tried.
 */

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../../../native/loader/capture_state.h"
#include "lab.h"
#include "work.h"

#define PROGRAM "/reading"
#define RING_BYTES (1 << 20)

static struct sworn_capture *capture;
static uint64_t session = 100;
/* The events of the last workload. */
static uint64_t heard[(RING_BYTES + SWORN_DRAIN_BYTES_MIN) / 8];
static size_t heard_bytes;

static void listen_once(void)
{
	ssize_t got;

	heard_bytes = 0;
	while (sizeof(heard) - heard_bytes >= SWORN_DRAIN_BYTES_MIN &&
	       (got = sworn_capture_drain(capture, (char *)heard + heard_bytes, sizeof(heard) - heard_bytes)) > 0)
		heard_bytes += (size_t)got;
}

/* The next event of a type; NULL: there is none any more. */
static const void *next_heard(size_t *at, uint16_t type)
{
	while (*at < heard_bytes) {
		const struct sworn_event *event = (void *)((char *)heard + *at);

		*at += (event->size + 7) & ~7u;
		if (event->type == type)
			return event;
	}
	return NULL;
}

/* What a process that does this, watched or not, lets be heard. */
static bool perform(const char *name, int (*work)(void), bool watched)
{
	struct sworn_scope scope = {.selection_id = 7, .session_key = ++session};
	char detail[64];
	int gate[2], status, error = 0;
	pid_t child;

	if (pipe(gate))
		exit(2);
	listen_once();
	child = fork();
	if (child == 0) {
		char go;

		alarm(30);
		close(gate[1]);
		_exit(read(gate[0], &go, 1) == 1 ? work() : 120);
	}
	close(gate[0]);
	if (watched)
		error = sworn_capture_watch(capture, (uint32_t)child, &scope);
	if (error || write(gate[1], "g", 1) != 1)
		kill(child, SIGKILL);
	close(gate[1]);
	waitpid(child, &status, 0);
	listen_once();
	if (status == 0)
		return true;
	snprintf(detail, sizeof(detail), "the workload failed, watch %d, status %d, line %d", error, status & 127,
		 WEXITSTATUS(status));
	say(name, false, detail);
	return false;
}

static struct sworn_counter_value counted(enum sworn_counter counter)
{
	struct sworn_counter_value totals[SWORN_COUNTERS] = {};

	sworn_capture_counters(capture, totals);
	return totals[counter];
}

/* The account of the pipe of this session that moved most. */
static struct sworn_stream_state account(void)
{
	static char rows[16384 * (8 + sizeof(struct sworn_stream_state))];
	size_t row_bytes = sworn_capture_row_bytes(SWORN_TABLE_STREAMS);
	size_t key_bytes = sworn_capture_key_bytes(SWORN_TABLE_STREAMS);
	ssize_t count = sworn_capture_rows(capture, SWORN_TABLE_STREAMS, rows, sizeof(rows) / row_bytes);
	struct sworn_stream_state best = {}, state;

	for (ssize_t i = 0; i < count; i++) {
		memcpy(&state, rows + (size_t)i * row_bytes + key_bytes, sizeof(state));
		if (state.scope.session_key == session && state.written_bytes > best.written_bytes)
			best = state;
	}
	return best;
}

static void expect_pipe(void)
{
	const char *name = "a pipe is told once, to the byte";
	const struct sworn_stream_event *event;
	uint64_t bytes = 0, missing = 0, wrong = 0;
	struct sworn_stream_state state;
	char detail[160];
	size_t at = 0;

	if (!perform(name, use_pipe, true))
		return;
	while ((event = next_heard(&at, SWORN_EVENT_STREAM))) {
		/* The gate of the test is a pipe, too. */
		if (event->kind != SWORN_STREAM_KIND_PIPE || event->direction != SWORN_DIRECTION_SENT)
			continue;
		wrong += event->offset != bytes + missing || event->scope.session_key != session;
		for (uint32_t i = 0; i < event->bytes; i++)
			wrong += event->data[i] != work_byte(bytes + i);
		bytes += event->bytes;
		missing += event->reason == SWORN_GAP_REASON_NO_BUFFER ? event->missing : 0;
	}
	state = account();
	snprintf(detail, sizeof(detail), "%llu bytes, %llu missing, %llu wrong; written %llu, read %llu, ended %u",
		 (unsigned long long)bytes, (unsigned long long)missing, (unsigned long long)wrong,
		 (unsigned long long)state.written_bytes, (unsigned long long)state.read_bytes, state.ended);
	say(name, bytes == PIPE_BYTES && !wrong, detail);
	say("what is spliced is missing, to the byte", missing == SPLICED_BYTES, detail);
	say("both ends of a pipe are counted, and its end is seen",
	    state.written_bytes == PIPE_BYTES + SPLICED_BYTES && state.read_bytes == state.written_bytes && state.ended,
	    detail);
}

static void expect_terminal(void)
{
	const char *name = "a terminal is told in order, with its settings";
	const struct sworn_stream_event *event;
	char text[512] = "";
	bool sized = true;
	size_t at = 0, used = 0;

	if (!perform(name, use_terminal, true))
		return;
	while ((event = next_heard(&at, SWORN_EVENT_STREAM))) {
		if (event->kind != SWORN_STREAM_KIND_TERMINAL || used + event->bytes + 8 > sizeof(text))
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%c%c:%.*s|",
					 event->direction == SWORN_DIRECTION_SENT ? 'w' : 'r',
					 event->local_modes & ECHO ? 'E' : 'e', (int)event->bytes,
					 (const char *)event->data);
		sized = sized && event->columns == TERMINAL_COLUMNS && event->rows == TERMINAL_ROWS;
	}
	say(name, strcmp(text, TERMINAL_TEXT) == 0, text);
	say("with its size", sized && used, "");
}

static void expect_outsiders_unheard(void)
{
	const char *name = "of outsiders no pipe and no terminal is told";
	size_t at = 0;

	if (perform(name, use_pipe, false) && perform(name, use_terminal, false))
		say(name, !next_heard(&at, SWORN_EVENT_STREAM) && !account().written_bytes, "");
}

static void expect_counted(const char *name, int (*work)(void), enum sworn_counter counter, uint64_t bytes)
{
	struct sworn_counter_value before = counted(counter), after;
	char detail[64];

	if (!perform(name, work, true))
		return;
	after = counted(counter);
	snprintf(detail, sizeof(detail), "%llu times, %llu bytes", (unsigned long long)(after.events - before.events),
		 (unsigned long long)(after.bytes - before.bytes));
	say(name, after.events > before.events && after.bytes - before.bytes == bytes, detail);
}

static void expect_sums_when_full(void)
{
	const char *name = "what the ring had no room for adds up";
	const struct sworn_stream_event *event;
	uint64_t told = 0, lost = counted(SWORN_COUNTER_STREAM_RING_FULL).bytes;
	char detail[96];
	size_t at = 0;

	if (!perform(name, flood_pipe, true))
		return;
	lost = counted(SWORN_COUNTER_STREAM_RING_FULL).bytes - lost;
	while ((event = next_heard(&at, SWORN_EVENT_STREAM)))
		told += event->direction == SWORN_DIRECTION_SENT ? event->bytes : 0;
	snprintf(detail, sizeof(detail), "%llu told, %llu lost", (unsigned long long)told, (unsigned long long)lost);
	say(name, told && lost && told + lost == FLOOD_BYTES, detail);
}

static uint64_t offset_in_program(void *function)
{
	unsigned long from, to, offset;
	uint64_t found = 0;
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %*s %lx", &from, &to, &offset) == 3 && (unsigned long)function >= from &&
		    (unsigned long)function < to)
			found = (unsigned long)function - from + offset;
	if (maps)
		fclose(maps);
	return found;
}

static void expect_key(const struct key_place *place)
{
	int id = sworn_capture_attach_probe(capture, place->kind, PROGRAM, offset_in_program(place->function));
	const struct sworn_secret_event *event;
	struct sworn_secret secret = {};
	char name[96], detail[128];
	size_t at = 0, count = 0;
	bool right = true;

	snprintf(name, sizeof(name), "a key at %s", place->name);
	if (id < 0) {
		say(name, false, strerror(-id));
		return;
	}
	if (perform(name, place->pass, true)) {
		for (; (event = next_heard(&at, SWORN_EVENT_SECRET)); count++)
			right = right && event->scope.session_key == session &&
				!sworn_capture_take_secret(capture, event->secret_id, &secret);
		right = right && count == 1 && secret.kind == SWORN_SECRET_KIND_SSH_CIPHER &&
			secret.secret_bytes == sizeof(work_key) && !memcmp(secret.secret, work_key, sizeof(work_key)) &&
			secret.iv_bytes == sizeof(work_iv) && !memcmp(secret.iv, work_iv, sizeof(work_iv)) &&
			secret.has == place->direction && secret.label == place->cipher;
		snprintf(detail, sizeof(detail), "%zu told, the last of %u bytes, IV %u, cipher %u, has %u, offset %llx",
			 count, secret.secret_bytes, secret.iv_bytes, secret.label, secret.has,
			 (unsigned long long)offset_in_program(place->function));
		say(name, right, detail);
	}
	sworn_capture_detach_probe(capture, (uint32_t)id);
}

static void expect_datagrams(void)
{
	static const size_t sizes[] = DATAGRAM_SIZES;
	const size_t count = sizeof(sizes) / sizeof(sizes[0]);
	const char *name = "datagrams of DNS are told whole, at both ends";
	const struct sworn_datagram_event *event;
	size_t at = 0, met[2] = {}, wrong = 0;
	char detail[128];

	if (!perform(name, send_datagrams, true))
		return;
	while ((event = next_heard(&at, SWORN_EVENT_DATAGRAM))) {
		size_t index = met[event->direction & 1]++;

		wrong += index >= count || event->bytes != sizes[index] || event->kept_bytes != event->bytes;
		for (uint32_t i = 0; i < event->kept_bytes; i++)
			wrong += event->data[i] != work_byte(event->bytes + (uint64_t)i);
	}
	snprintf(detail, sizeof(detail), "%zu sent, %zu received, %zu wrong, %llu without memory", met[0], met[1], wrong,
		 (unsigned long long)counted(SWORN_COUNTER_SOCKET_STORAGE).events);
	say(name, met[0] == count && met[1] == count && !wrong, detail);
}

static void expect_calls(const char *name, int (*work)(void), size_t wanted)
{
	const struct sworn_way_event *event;
	uint32_t seen[16];
	char detail[128] = "";
	size_t at = 0, count = 0;

	if (!perform(name, work, true))
		return;
	while ((event = next_heard(&at, SWORN_EVENT_WAY))) {
		size_t i = 0;

		if (event->way != SWORN_WAY_SYSCALL || event->scope.session_key != session)
			continue;
		while (i < count && seen[i] != event->detail)
			i++;
		if (i == count && count < sizeof(seen) / sizeof(seen[0]))
			seen[count++] = event->detail;
	}
	for (size_t i = 0, used = 0; i < count; i++)
		used += (size_t)snprintf(detail + used, sizeof(detail) - used, "%u ", seen[i]);
	say(name, count == wanted, detail);
}

static void expect_programs(void)
{
	struct sworn_program_info infos[128];
	size_t count = sworn_capture_programs(capture, infos, 128);
	bool streams = false, well = true;
	char detail[160] = "";

	for (size_t i = 0; i < count && i < sizeof(infos) / sizeof(infos[0]); i++) {
		if (strncmp(infos[i].name, "stream_", 7) == 0) {
			streams = true;
			well = well && infos[i].attached;
		}
		if (infos[i].missed) {
			well = false;
			snprintf(detail, sizeof(detail), "%.60s missed %llu", infos[i].name,
				 (unsigned long long)infos[i].missed);
		}
	}
	say("programs for streams are attached, and none missed a run", streams && well, detail);
}

static void expect_nothing_lost(void)
{
	static const enum sworn_counter losses[] = {
		SWORN_COUNTER_BYTES_RING_FULL,	  SWORN_COUNTER_BYTES_UNREADABLE,  SWORN_COUNTER_SECRET_RING_FULL,
		SWORN_COUNTER_SECRET_MAP_FULL,	  SWORN_COUNTER_SECRET_UNREADABLE, SWORN_COUNTER_PACKET_UNREADABLE,
		SWORN_COUNTER_UDP_MAP_FULL,	  SWORN_COUNTER_SOCKET_STORAGE,	   SWORN_COUNTER_STREAM_MAP_FULL,   SWORN_COUNTER_STREAM_RING_FULL,
		SWORN_COUNTER_STREAM_UNREADABLE,  SWORN_COUNTER_STREAM_TOO_LARGE,  SWORN_COUNTER_STREAM_COMPAT,
		SWORN_COUNTER_STREAM_URING_UNSEEN, SWORN_COUNTER_STREAM_END_UNSEEN,
	};
	char detail[64] = "";

	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		struct sworn_counter_value value = counted(losses[i]);

		if (value.events)
			snprintf(detail, sizeof(detail), "counter %u: %llu", losses[i], (unsigned long long)value.events);
	}
	say("nothing else is lost", !detail[0], detail);
}

static void set_loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (ioctl(fd, SIOCSIFFLAGS, &request))
		say("the loopback interface is up", false, strerror(errno));
	close(fd);
}

/* What a pipe of this session was heard to carry, in work_byte's order from 0: the writer's bytes. */
static void expect_told(const char *name, int (*work)(void), uint64_t wanted, bool may_miss)
{
	const struct sworn_stream_event *event;
	uint64_t bytes = 0, wrong = 0, missing = 0;
	char detail[96];
	size_t at = 0;

	if (!perform(name, work, true))
		return;
	while ((event = next_heard(&at, SWORN_EVENT_STREAM))) {
		if (event->kind != SWORN_STREAM_KIND_PIPE || event->direction != SWORN_DIRECTION_SENT)
			continue;
		for (uint32_t i = 0; i < event->bytes; i++)
			wrong += event->data[i] != work_byte(bytes + i);
		bytes += event->bytes;
		missing += event->missing;
	}
	snprintf(detail, sizeof(detail), "%llu bytes, %llu wrong, %llu missing", (unsigned long long)bytes,
		 (unsigned long long)wrong, (unsigned long long)missing);
	say(name, bytes + missing == wanted && !wrong && (bytes || may_miss), detail);
}

static bool is_by_functions(void)
{
	struct sworn_program_info infos[128];
	size_t count = sworn_capture_programs(capture, infos, 128);

	for (size_t i = 0; i < count && i < sizeof(infos) / sizeof(infos[0]); i++)
		if (strcmp(infos[i].name, "stream_after_tty_read") == 0)
			return true;
	return false;
}

static void read_all_once(struct sworn_capture_options *options, bool by_functions)
{
	int error;

	have_rights_of_agent(true);
	error = sworn_capture_open(options, &capture);
	say(by_functions ? "the capture is open, by functions" : "the capture is open, by system calls", error == 0,
	    error ? sworn_capture_message() : "");
	if (error)
		return;
	error = sworn_capture_read_streams(capture, true);
	say("streams are read", error == 0, error ? sworn_capture_message() : "");
	say("streams are read in the way that was asked for", is_by_functions() == by_functions, "");
	/* Probes are for root alone before 6.6, as sworn-agent.service has it there. */
	have_rights_of_agent(false);
	expect_pipe();
	expect_terminal();
	expect_outsiders_unheard();
	for (size_t i = 0; i < key_place_count; i++)
		expect_key(&key_places[i]);
	expect_datagrams();
	expect_calls("calls in another's name are told, each of the six", make_calls, CALL_WAYS);
#ifdef __x86_64__
	expect_calls("such a call of a 32-bit program is told", make_compat_call, 1);
#endif
	if (by_functions) {
		expect_told("what an io_uring writes is told, or missing to the byte", use_ring, RING_BYTES_MOVED, true);
#ifdef __x86_64__
		expect_told("what a 32-bit program writes is told", write_compat, COMPAT_BYTES, false);
#endif
	}
	expect_nothing_lost();
	if (by_functions) {
		expect_counted("that an io_uring splices is counted", splice_by_ring, SWORN_COUNTER_STREAM_URING_UNSEEN, 0);
	} else {
		expect_counted("what an io_uring moves is counted", use_ring, SWORN_COUNTER_STREAM_URING_UNSEEN, 0);
#ifdef __x86_64__
		expect_counted("a call of a 32-bit program is counted", write_compat, SWORN_COUNTER_STREAM_COMPAT,
			       COMPAT_BYTES);
#endif
	}
	expect_programs();
	expect_sums_when_full();
	error = sworn_capture_read_streams(capture, false);
	if (!by_functions && perform("streams are not read any more", use_pipe, true)) {
		size_t at = 0;

		say("streams are not read any more", !error && !next_heard(&at, SWORN_EVENT_STREAM), "");
	}
	sworn_capture_close(capture);
}

int main(void)
{
	struct sworn_capture_options options = {
		.ring_bytes = RING_BYTES,
		.processes_max = 1024,
		.watch_syscalls = true,
		.without_functions = true,
		.stream_kinds = 1 << SWORN_STREAM_KIND_TERMINAL | 1 << SWORN_STREAM_KIND_PIPE,
	};

	set_loopback_up();
	read_all_once(&options, false);
	options.without_functions = false;
	options.streams_by_functions = true;
	read_all_once(&options, true);
	options.streams_by_functions = false;
	have_rights_of_agent(true);
	if (!sworn_capture_open(&options, &capture)) {
		say("streams are read by functions only where the kernel does not preempt itself",
		    is_by_functions() == !sworn_kernel_preempts_itself(),
		    is_by_functions() ? "by functions" : "by system calls");
		sworn_capture_close(capture);
	}
	say("the agent ends by itself", true, "");
	return 0;
}
