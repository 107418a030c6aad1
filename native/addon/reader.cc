// SPDX-License-Identifier: Apache-2.0

#include "reader.h"

#include <chrono>

namespace sworn {

namespace {
/** One is filled, one is on its way, one is being read, one is spare. */
constexpr int kBatches = 4;
}  // namespace

Batches::Batches(size_t batch_bytes) {
  for (int i = 0; i < kBatches; i++) {
    auto batch = std::make_unique<Batch>();
    batch->bytes.resize(batch_bytes);
    empty_.push_back(std::move(batch));
  }
}

std::unique_ptr<Batch> Batches::TakeEmpty() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || !empty_.empty(); });
  if (stopping_) return nullptr;
  auto batch = std::move(empty_.back());
  empty_.pop_back();
  return batch;
}

void Batches::GiveEmpty(std::unique_ptr<Batch> batch) {
  std::lock_guard lock(mutex_);
  empty_.push_back(std::move(batch));
  changed_.notify_one();
}

void Batches::GiveFilled(std::unique_ptr<Batch> batch) {
  std::lock_guard lock(mutex_);
  filled_.push_back(std::move(batch));
}

std::unique_ptr<Batch> Batches::TakeFilled() {
  std::lock_guard lock(mutex_);
  if (filled_.empty()) return nullptr;
  auto batch = std::move(filled_.front());
  filled_.pop_front();
  return batch;
}

size_t Batches::FilledCount() {
  std::lock_guard lock(mutex_);
  return filled_.size();
}

void Batches::Stop() {
  std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

void Batches::Restart() {
  std::lock_guard lock(mutex_);
  stopping_ = false;
}

namespace {

/** The handler may answer with a promise: then nothing more is read into this batch's place before it is settled. */
void GiveEmptyWhenSettled(Napi::Env env, Napi::Value answer, const std::shared_ptr<Batches>& batches,
                          std::unique_ptr<Batch> batch) {
  if (!answer.IsPromise()) {
    batches->GiveEmpty(std::move(batch));
    return;
  }
  auto held = std::make_shared<std::unique_ptr<Batch>>(std::move(batch));
  auto give = Napi::Function::New(env, [batches, held](const Napi::CallbackInfo&) {
    if (*held) batches->GiveEmpty(std::move(*held));
  });
  auto promise = answer.As<Napi::Object>();
  promise.Get("then").As<Napi::Function>().Call(promise, {give, give});
}

/** One call for each filled batch; after a stop some find none left, and then there is nothing to do. */
void HandOver(const std::shared_ptr<Batches>& batches, Napi::Env env, Napi::Function onBatch) {
  auto batch = batches->TakeFilled();
  if (!batch) return;
  auto buffer = Napi::Buffer<uint8_t>::Copy(env, batch->bytes.data(), batch->used);
  auto position = Napi::Number::New(env, static_cast<double>(batch->position));
  try {
    GiveEmptyWhenSettled(env, onBatch.Call({buffer, position}), batches, std::move(batch));
  } catch (const Napi::Error& error) {
    // Else Node prints a warning and goes on, and what was in the batch would be lost without a word.
    napi_fatal_exception(env, error.Value());
  }
}

napi_status CallForOne(Napi::ThreadSafeFunction& call, const std::shared_ptr<Batches>& batches) {
  return call.NonBlockingCall([batches](Napi::Env env, Napi::Function onBatch) {
    // Without an environment it is being torn down.
    if (env != nullptr) HandOver(batches, env, onBatch);
  });
}

}  // namespace

Reader::Reader(sworn_capture* capture, std::shared_ptr<Batches> batches, Napi::Env env, Napi::Function onBatch,
               int poll_ms)
    : capture_(capture), poll_ms_(poll_ms), batches_(std::move(batches)), env_(env) {
  call_ = Napi::ThreadSafeFunction::New(env, onBatch, "sworn events", 0, 1);
  // Hooks run newest first: this one before that of `call_`, after which it could not be touched.
  napi_add_env_cleanup_hook(env_, StopBeforeEnvironmentEnds, this);
  batches_->Restart();
  for (size_t i = batches_->FilledCount(); i > 0; i--) CallForOne(call_, batches_);
  thread_ = std::thread([this] { Run(); });
}

Reader::~Reader() { Stop(); }

void Reader::StopBeforeEnvironmentEnds(void* reader) { static_cast<Reader*>(reader)->Stop(); }

void Reader::Stop() {
  if (!thread_.joinable()) return;
  napi_remove_env_cleanup_hook(env_, StopBeforeEnvironmentEnds, this);
  batches_->Stop();
  sworn_capture_wake(capture_);
  thread_.join();
  if (!refused_) call_.Release();
}

void Reader::Run() {
  while (auto batch = batches_->TakeEmpty()) {
    ssize_t used = sworn_capture_drain(capture_, batch->bytes.data(), batch->bytes.size());
    if (used <= 0) {
      batches_->GiveEmpty(std::move(batch));
      if (sworn_capture_wait(capture_, poll_ms_) < 0) std::this_thread::sleep_for(std::chrono::milliseconds(poll_ms_));
      continue;
    }
    batch->used = static_cast<size_t>(used);
    batch->position = sworn_capture_position(capture_);
    batches_->GiveFilled(std::move(batch));
    if (CallForOne(call_, batches_) != napi_ok) {
      refused_ = true;
      return;
    }
  }
}

}  // namespace sworn
