// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/* The maps and settings that the other objects share. What each is for stands in lib/maps.h and lib/settings.h. */

#include "lib/maps.h"
#include "lib/namespaces.h"
#include "lib/settings.h"
#include "lib/ways.h"

struct events_map events SEC(".maps");
struct processes_map processes SEC(".maps");
struct watched_pids_map watched_pids SEC(".maps");
struct joined_map joined SEC(".maps");
struct sockets_map sockets SEC(".maps");
struct counters_map counters SEC(".maps");
struct late_closes_map late_closes SEC(".maps");
struct skips_map skips SEC(".maps");
struct selections_uid_map selections_uid SEC(".maps");
struct selections_cgroup_map selections_cgroup SEC(".maps");
struct selections_cgroup_path_map selections_cgroup_path SEC(".maps");
struct selections_exe_map selections_exe SEC(".maps");
struct awaited_map awaited SEC(".maps");
struct udp_flows_map udp_flows SEC(".maps");
struct unix_sockets_map unix_sockets SEC(".maps");
struct streams_map streams SEC(".maps");
struct stream_calls_map stream_calls SEC(".maps");
struct broker_calls_map broker_calls SEC(".maps");
struct callers_map callers SEC(".maps");
struct redirects_map redirects SEC(".maps");
struct ways_told_map ways_told SEC(".maps");
struct namespaces_before_map namespaces_before SEC(".maps");
struct tls_secrets_map tls_secrets SEC(".maps");
struct probe_runs_map probe_runs SEC(".maps");
struct known_images_map known_images SEC(".maps");
struct unsettled_map unsettled SEC(".maps");
struct guarded_map guarded SEC(".maps");

const volatile __u32 passive = 0;
const volatile __u32 without_unix = 0;
const volatile __u32 unix_by_socket = 1;
const volatile __u32 wake_bytes = 256 * 1024;
const volatile __u32 probes_sleep = 0;
const volatile __u32 stream_kinds = 0;

struct sworn_live_settings live = {};
__u64 secrets_made = 0;

char LICENSE[] SEC("license") = "Dual BSD/GPL";
