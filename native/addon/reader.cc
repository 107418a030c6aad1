// SPDX-License-Identifier: Apache-2.0

#include "reader.h"

namespace sworn {

namespace {
/** One is filled, one is on its way, one is being read, one is spare. */
constexpr int kBatches = 4;
}  // namespace

Reader::Reader(sworn_capture* capture, Napi::Env env, Napi::Function onBatch, int poll_ms, size_t batch_bytes)
    : capture_(capture), poll_ms_(poll_ms), pool_(std::make_shared<Pool>()) {
  for (int i = 0; i < kBatches; i++) {
    auto batch = std::make_unique<Batch>();
    batch->bytes.resize(batch_bytes);
    pool_->free.push_back(std::move(batch));
  }
  call_ = Napi::ThreadSafeFunction::New(env, onBatch, "sworn events", 0, 1);
  thread_ = std::thread([this] { Run(); });
}

Reader::~Reader() { Stop(); }

void Reader::Stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(pool_->mutex);
    pool_->stopping = true;
  }
  pool_->freed.notify_all();
  sworn_capture_wake(capture_);
  thread_.join();
  call_.Release();
}

std::unique_ptr<Batch> Reader::Take() {
  std::unique_lock lock(pool_->mutex);
  pool_->freed.wait(lock, [this] { return pool_->stopping || !pool_->free.empty(); });
  if (pool_->stopping) return nullptr;
  auto batch = std::move(pool_->free.back());
  pool_->free.pop_back();
  return batch;
}

void Reader::Run() {
  while (auto batch = Take()) {
    ssize_t used = sworn_capture_drain(capture_, batch->bytes.data(), batch->bytes.size());
    if (used <= 0) {
      {
        std::lock_guard lock(pool_->mutex);
        pool_->free.push_back(std::move(batch));
      }
      sworn_capture_wait(capture_, poll_ms_);
      continue;
    }
    batch->used = static_cast<size_t>(used);
    Batch* handed = batch.release();
    auto status = call_.NonBlockingCall(handed, [pool = pool_](Napi::Env env, Napi::Function onBatch, Batch* raw) {
      std::unique_ptr<Batch> batch(raw);
      Napi::Value buffer;
      // Without an environment (it is being torn down) the batch is only given back.
      if (env != nullptr) buffer = Napi::Buffer<uint8_t>::Copy(env, batch->bytes.data(), batch->used);
      {
        std::lock_guard lock(pool->mutex);
        pool->free.push_back(std::move(batch));
      }
      pool->freed.notify_one();
      if (env != nullptr) onBatch.Call({buffer});
    });
    if (status != napi_ok) {
      delete handed;
      return;
    }
  }
}

}  // namespace sworn
