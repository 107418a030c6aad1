/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_ADDON_READER_H
#define SWORN_ADDON_READER_H

#include <napi.h>

#include <condition_variable>
#include <deque>
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
  /** Where the ring was read up to with it. */
  uint64_t position = 0;
};

/**
 * The batches of one capture: empty ones, and filled ones on their way to JavaScript. Outlives the readers, so that what
 * one had filled when it was stopped is still there for `drain` or the next.
 */
class Batches {
 public:
  explicit Batches(size_t batch_bytes);

  /** An empty batch; waits for one. nullptr once `Stop` was called. */
  std::unique_ptr<Batch> TakeEmpty();
  void GiveEmpty(std::unique_ptr<Batch> batch);
  void GiveFilled(std::unique_ptr<Batch> batch);
  /** The oldest filled batch; nullptr when there is none. */
  std::unique_ptr<Batch> TakeFilled();
  size_t FilledCount();
  void Stop();
  void Restart();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Batch>> empty_;
  std::deque<std::unique_ptr<Batch>> filled_;
  bool stopping_ = false;
};

/**
 * Moves events from the ring to JavaScript on a thread of its own, a batch a call.
 *
 * A fixed number of batches exists. While JavaScript holds all of them the thread waits, the ring fills and the kernel
 * side counts what it drops: memory stays bounded and nothing is missed without a count.
 */
class Reader {
 public:
  Reader(sworn_capture* capture, std::shared_ptr<Batches> batches, Napi::Env env, Napi::Function onBatch, int poll_ms);
  ~Reader();

  /** Ends the thread. Batches that were not handed over stay in `batches`. Safe to call twice. */
  void Stop();

 private:
  void Run();
  static void StopBeforeEnvironmentEnds(void* reader);

  sworn_capture* capture_;
  int poll_ms_;
  std::shared_ptr<Batches> batches_;
  napi_env env_;
  Napi::ThreadSafeFunction call_;
  std::thread thread_;
  /** Set by the thread: JavaScript takes no calls any more, and `call_` may be gone. */
  bool refused_ = false;
};

}  // namespace sworn

#endif
