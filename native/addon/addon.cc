// SPDX-License-Identifier: Apache-2.0

#include <napi.h>
#include <time.h>

#include "../abi/identity.h"
#include "capture_object.h"
#include "leaf_object.h"
#include "memory.h"
#include "notify.h"
#include "peer.h"
#include "row_leaf_object.h"
#include "tree.h"

namespace {

/** Both clocks at one moment: [boot time, wall time], nanoseconds as bigint. */
Napi::Value ReadClocks(const Napi::CallbackInfo& info) {
  timespec before, wall, after;
  int64_t best_gap = INT64_MAX, boot_ns = 0, wall_ns = 0;
  // The middle of the narrowest of a few sandwiches: an interrupt between the reads would move one clock.
  for (int i = 0; i < 5; i++) {
    clock_gettime(CLOCK_BOOTTIME, &before);
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_BOOTTIME, &after);
    int64_t from = before.tv_sec * 1000000000LL + before.tv_nsec;
    int64_t gap = after.tv_sec * 1000000000LL + after.tv_nsec - from;
    if (gap < best_gap) {
      best_gap = gap;
      boot_ns = from + gap / 2;
      wall_ns = wall.tv_sec * 1000000000LL + wall.tv_nsec;
    }
  }
  auto pair = Napi::Array::New(info.Env(), 2);
  pair.Set(0u, Napi::BigInt::New(info.Env(), boot_ns));
  pair.Set(1u, Napi::BigInt::New(info.Env(), wall_ns));
  return pair;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("abiId", Napi::String::New(env, SWORN_ABI_ID));
  exports.Set("Capture", sworn::CaptureObject::Define(env));
  exports.Set("LeafWriter", sworn::LeafObject::Define(env));
  exports.Set("appendLeaves", Napi::Function::New<sworn::AppendLeaves>(env, "appendLeaves"));
  exports.Set("RowLeafWriter", sworn::RowLeafObject::Define(env));
  exports.Set("growTree", Napi::Function::New<sworn::GrowTree>(env, "growTree"));
  exports.Set("readClocks", Napi::Function::New<ReadClocks>(env, "readClocks"));
  exports.Set("notify", Napi::Function::New<sworn::Notify>(env, "notify"));
  exports.Set("protectMemory", Napi::Function::New<sworn::ProtectMemory>(env, "protectMemory"));
  exports.Set("peerOf", Napi::Function::New<sworn::PeerOf>(env, "peerOf"));
  exports.Set("peerPidfdOf", Napi::Function::New<sworn::PeerPidfdOf>(env, "peerPidfdOf"));
  exports.Set("isPidfdAlive", Napi::Function::New<sworn::IsPidfdAlive>(env, "isPidfdAlive"));
  return exports;
}

}  // namespace

NODE_API_MODULE(sworn, Init)
