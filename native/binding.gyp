# SPDX-License-Identifier: Apache-2.0
{
  "targets": [
    {
      "target_name": "sworn",
      "sources": ["loader/broker.c", "loader/capture.c", "loader/functions.c", "loader/preemption.c", "loader/guard.c", "loader/guard_files.c", "loader/module_btf.c", "loader/place.c", "loader/probes.c", "loader/ring.c", "loader/scan.c", "loader/selection.c", "loader/tables.c", "loader/cgroup_root.c", "loader/static_libbpf.c", "loader/streams.c", "addon/addon.cc", "addon/capture_object.cc", "addon/capture_guard.cc", "addon/capture_probes.cc", "addon/arguments.cc", "addon/memory.cc", "addon/leaf.cc", "addon/leaf_object.cc", "addon/native_block.cc", "addon/row_leaf.cc", "addon/row_leaf_object.cc", "addon/notify.cc", "addon/peer.cc", "addon/reader.cc", "addon/tree.cc"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")", "out"],
      "defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS", "_GNU_SOURCE"],
      "cflags": ["-Wall", "-Wextra", "-Wno-unused-parameter", "-fvisibility=hidden"],
      "cflags_c": ["-std=gnu11"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti"],
      "cflags_cc": ["-std=gnu++20", "-fexceptions"],
      "libraries": ["-l:libbpf.a", "-lelf", "-lz"],
      "ldflags": ["-Wl,--wrap=stderr", "-Wl,--wrap=bpf_btf_get_next_id", "-Wl,--exclude-libs,ALL", "-Wl,-z,relro,-z,now"]
    }
  ]
}
