/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_ADDON_READER_H
#define SWORN_ADDON_READER_H

#include <napi.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

extern "C" {
#include "../loader/capture.h"
}

namespace sworn {

struct Batch {
  std::vector<uint8_t> bytes;
  size_t used = 0;
};

/**
 * Moves events from the ring to JavaScript on a thread of its own, a batch a call.
 *
 * A fixed number of batches exists. While JavaScript holds all of them the thread waits, the ring fills and the kernel
 * side counts what it drops: memory stays bounded and nothing is missed without a count.
 */
class Reader {
 public:
  Reader(sworn_capture* capture, Napi::Env env, Napi::Function onBatch, int poll_ms, size_t batch_bytes);
  ~Reader();

  /** Ends the thread; batches already handed over still reach JavaScript. Safe to call twice. */
  void Stop();

 private:
  /** Outlives the reader while calls are queued. */
  struct Pool {
    std::mutex mutex;
    std::condition_variable freed;
    std::vector<std::unique_ptr<Batch>> free;
    bool stopping = false;
  };

  void Run();
  std::unique_ptr<Batch> Take();

  sworn_capture* capture_;
  int poll_ms_;
  std::shared_ptr<Pool> pool_;
  Napi::ThreadSafeFunction call_;
  std::thread thread_;
};

}  // namespace sworn

#endif
