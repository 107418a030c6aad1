/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_LAB_H
#define SWORN_LAB_H

/* What the programs in a guest share. */

#include <stdbool.h>

/* A line of the result. `detail` is for a person. */
void say(const char *name, bool ok, const char *detail);

/* Moves this process into a cgroup. */
void enter(const char *cgroup);

/* As sworn-agent.service gives them, or all again: those who are to attack the agent are made by this process, too. */
int have_rights_of_agent(bool only);

#endif
