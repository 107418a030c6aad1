/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_ADDON_READER_H
#define SWORN_ADDON_READER_H

#include <napi.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

extern "C" {
#include "../loader/capture.h"
}

namespace sworn {

/** Room for events. Its memory goes back to the system with it, whatever the allocator thinks of the future. */
class Batch {
 public:
  /** nullptr when there is no memory. */
  static std::unique_ptr<Batch> Make(size_t bytes);
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  uint8_t* End() { return bytes + used; }
  size_t Room() const { return size - used; }

  uint8_t* const bytes;
  const size_t size;
  size_t used = 0;
  /** Where the ring was read up to with it. */
  uint64_t position = 0;

 private:
  Batch(uint8_t* at, size_t length) : bytes(at), size(length) {}
};

/**
 * The batches of one capture: filled ones wait here for JavaScript, in order, up to a bound. Outlives the readers, so that
 * what one had filled when it was stopped is still there for `drain` or the next.
 */
class Batches {
 public:
  Batches(size_t batch_bytes, size_t bytes_max);

  /**
   * A batch with room in it: the newest filled one when that has some, else another; waits while there are as many as there
   * may be. nullptr once `Stop` was called.
   */
  std::unique_ptr<Batch> TakeToFill();
  void GiveFilled(std::unique_ptr<Batch> batch);
  /** The oldest filled batch; nullptr when there is none. */
  std::unique_ptr<Batch> TakeFilled();
  /** Has been read. */
  void GiveEmpty(std::unique_ptr<Batch> batch);
  size_t FilledCount();
  /** Bytes in filled batches. */
  size_t WaitingBytes();
  size_t BytesMax() const { return bytes_max_; }
  void Stop();
  void Restart();

  /** Of the thread of JavaScript alone: which reader hands over, and whether its handler asked to wait. */
  uint64_t round = 0;
  bool waiting = false;

 private:
  const size_t batch_bytes_;
  const size_t bytes_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Batch>> empty_;
  std::deque<std::unique_ptr<Batch>> filled_;
  size_t filled_bytes_ = 0;
  /** Batches that exist, wherever they are. */
  size_t count_ = 0;
  bool stopping_ = false;
};

/**
 * Moves events from the ring to JavaScript on a thread of its own, a batch a call.
 *
 * While JavaScript is busy, batches gather, up to the bound of `batches`; then the thread waits, the ring fills and the
 * kernel side counts what it drops: memory stays bounded and nothing is missed without a count.
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
