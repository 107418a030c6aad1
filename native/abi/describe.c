// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/* One variable of each type of the ABI, so that the compiler describes them in BTF; generate.ts reads it. Never linked. */

#include "event.h"

enum sworn_event_type event_type;
enum sworn_transport transport;
enum sworn_role role;
enum sworn_direction direction;
enum sworn_counter counter;
enum sworn_session_by session_by;
enum sworn_gap_reason gap_reason;
enum sworn_way way;
enum sworn_act act;
enum sworn_bpf_kind bpf_kind;
enum sworn_stream_kind stream_kind;
enum sworn_probe_kind probe_kind;
enum sworn_secret_kind secret_kind;
enum sworn_secret_label secret_label;
enum sworn_ssh_cipher ssh_cipher;

struct sworn_event event;
struct sworn_process_key process_key;
struct sworn_scope scope;
struct sworn_addresses addresses;
struct sworn_fork_event fork_event;
struct sworn_exec_event exec_event;
struct sworn_argv_piece_event argv_piece_event;
struct sworn_exit_event exit_event;
struct sworn_join_event join_event;
struct sworn_open_event open_event;
struct sworn_close_event close_event;
struct sworn_bytes_event bytes_event;
struct sworn_gap_event gap_event;
struct sworn_early_bytes_event early_bytes_event;
struct sworn_way_event way_event;
struct sworn_stream_event stream_event;
struct sworn_stream_state stream_state;
struct sworn_process_state process_state;
struct sworn_udp_key udp_key;
struct sworn_udp_flow udp_flow;
struct sworn_datagram_event datagram_event;
struct sworn_unix_state unix_state;
struct sworn_caller_key caller_key;
struct sworn_caller caller;
struct sworn_secret_event secret_event;
struct sworn_secret secret;
struct sworn_image_event image_event;
