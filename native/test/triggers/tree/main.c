// SPDX-License-Identifier: Apache-2.0

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "scenarios.h"
#include "truth.h"

/* How a program that was started for a scenario goes on. */
static _Noreturn void do_task(char *task)
{
	int number = 0;
	char *word = strtok(task, " "), *rest = strtok(NULL, " ");

	number = rest ? atoi(rest) : 0;
	if (strcmp(word, "exit") == 0)
		_exit(number);
	if (strcmp(word, "signal") == 0) {
		signal(number, SIG_DFL);
		raise(number);
	}
	if (strcmp(word, "chain") == 0)
		go_on_chain(number);
	if (strcmp(word, "again") == 0)
		go_on_again(number);
	give_up("no such task");
}

int main(int count, char **arguments)
{
	static const struct {
		const char *name;
		void (*run)(long number);
	} scenarios[] = {
		{"storm", run_storm},	  {"until", run_until},	    {"arguments", run_arguments}, {"chain", run_chain},
		{"daemon", run_daemon},	  {"again", run_again},	    {"missing", run_missing},	  {"vfork", run_vfork},
		{"threads", run_threads}, {"race", run_race},	    {"ends", run_ends},		  {"users", run_users},
		{"sibling", run_sibling},
	};
	char *task = getenv("ORACLE_TASK");
	struct rlimit cores;

	learn_self();
	tell_exec(count, arguments);
	if (task) {
		/* What a program does with its arguments later is not what it was started with. */
		for (int i = 0; i < count; i++)
			memset(arguments[i], 'x', strlen(arguments[i]));
		do_task(task);
	}
	/* Cores only where a scenario asks for one: it may raise this again. */
	getrlimit(RLIMIT_CORE, &cores);
	cores.rlim_cur = 0;
	setrlimit(RLIMIT_CORE, &cores);
	/* Orphans come to this process, so that their ends can be told. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int i = 1; i < count; i++) {
		char *number = strchr(arguments[i], '=');
		size_t length = number ? (size_t)(number - arguments[i]) : strlen(arguments[i]);

		for (size_t j = 0; j < sizeof(scenarios) / sizeof(scenarios[0]); j++) {
			if (strlen(scenarios[j].name) == length && memcmp(scenarios[j].name, arguments[i], length) == 0)
				scenarios[j].run(number ? atol(number + 1) : 0);
		}
		while (reap(0))
			;
	}
	return 17;
}
