/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TREE_SCENARIOS_H
#define TREE_SCENARIOS_H

/* COUNT programs that live as short as they can, started at about a thousand a second. */
void run_storm(long count);
/* Such programs until there is a file `until` in the folder of the programs. */
void run_until(long count);
/* Arguments of every size at which the way that they take changes, and of every byte. */
void run_arguments(long count);
/* DEPTH programs, each the child of the one before. */
void run_chain(long depth);
_Noreturn void go_on_chain(int depth);
/* Programs that leave their parent and their session as daemons do. */
void run_daemon(long count);
/* One process that becomes COUNT programs, under many names and in many folders. */
void run_again(long count);
_Noreturn void go_on_again(int count);
/* Programs that cannot be executed. */
void run_missing(long count);
void run_vfork(long count);
/* Threads that execute, fork and end, with and without their leader. */
void run_threads(long count);
/* COUNT times, two threads that execute at once: one of them does. */
void run_race(long count);
/* Ends by code, by signal and with a core. */
void run_ends(long count);
/* Programs of another user. */
void run_users(long count);
/* A child that its maker is a sibling of (CLONE_PARENT). */
void run_sibling(long count);

#endif
