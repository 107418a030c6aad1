// SPDX-License-Identifier: Apache-2.0

#include "reader.h"

#include <sys/mman.h>

#include <chrono>

namespace sworn {

namespace {
/** One is filled, one is on its way, one is being read. */
constexpr size_t kSpares = 3;
}  // namespace

std::unique_ptr<Batch> Batch::Make(size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return nullptr;
  return std::unique_ptr<Batch>(new Batch(static_cast<uint8_t*>(at), bytes));
}

Batch::~Batch() { munmap(bytes, size); }

Batches::Batches(size_t batch_bytes, size_t bytes_max) : batch_bytes_(batch_bytes), bytes_max_(bytes_max) {}

std::unique_ptr<Batch> Batches::TakeToFill() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopping_) return nullptr;
    if (!filled_.empty() && filled_.back()->Room() >= SWORN_DRAIN_BYTES_MIN) {
      auto batch = std::move(filled_.back());
      filled_.pop_back();
      filled_bytes_ -= batch->used;
      return batch;
    }
    if (!empty_.empty()) {
      auto batch = std::move(empty_.back());
      empty_.pop_back();
      return batch;
    }
    if (count_ == 0 || (count_ + 1) * batch_bytes_ <= bytes_max_) {
      auto batch = Batch::Make(batch_bytes_);
      if (batch) {
        count_++;
        return batch;
      }
    }
    // Without memory there may be some again later, and nobody tells.
    changed_.wait_for(lock, std::chrono::milliseconds(100));
  }
}

void Batches::GiveEmpty(std::unique_ptr<Batch> batch) {
  batch->used = 0;
  std::lock_guard lock(mutex_);
  if (empty_.size() < kSpares) {
    empty_.push_back(std::move(batch));
  } else {
    count_--;
  }
  changed_.notify_one();
}

void Batches::GiveFilled(std::unique_ptr<Batch> batch) {
  std::lock_guard lock(mutex_);
  filled_bytes_ += batch->used;
  filled_.push_back(std::move(batch));
}

std::unique_ptr<Batch> Batches::TakeFilled() {
  std::lock_guard lock(mutex_);
  if (filled_.empty()) return nullptr;
  auto batch = std::move(filled_.front());
  filled_.pop_front();
  filled_bytes_ -= batch->used;
  return batch;
}

size_t Batches::FilledCount() {
  std::lock_guard lock(mutex_);
  return filled_.size();
}

size_t Batches::WaitingBytes() {
  std::lock_guard lock(mutex_);
  return filled_bytes_;
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

void HandOver(const std::shared_ptr<Batches>& batches, Napi::Env env, Napi::Function onBatch);

/** The handler may answer with a promise: nothing more is handed over before it is settled. */
void WaitFor(Napi::Object promise, const std::shared_ptr<Batches>& batches, Napi::Function onBatch) {
  batches->waiting = true;
  auto handler = std::make_shared<Napi::FunctionReference>(Napi::Persistent(onBatch));
  auto goOn = [batches, handler, round = batches->round](const Napi::CallbackInfo& info) {
    if (batches->round != round) return;
    batches->waiting = false;
    HandOver(batches, info.Env(), handler->Value());
  };
  auto settled = Napi::Function::New(promise.Env(), goOn);
  promise.Get("then").As<Napi::Function>().Call(promise, {settled, settled});
}

/** Hands over what is there, until nothing is or the handler asks to wait. */
void HandOver(const std::shared_ptr<Batches>& batches, Napi::Env env, Napi::Function onBatch) {
  const uint64_t round = batches->round;
  // The handler may stop this reader.
  while (batches->round == round && !batches->waiting) {
    auto batch = batches->TakeFilled();
    if (!batch) return;
    Napi::HandleScope scope(env);
    auto buffer = Napi::Buffer<uint8_t>::Copy(env, batch->bytes, batch->used);
    auto position = Napi::Number::New(env, static_cast<double>(batch->position));
    batches->GiveEmpty(std::move(batch));
    try {
      auto answer = onBatch.Call({buffer, position});
      if (batches->round == round && answer.IsPromise()) WaitFor(answer.As<Napi::Object>(), batches, onBatch);
    } catch (const Napi::Error& error) {
      // Else Node prints a warning and goes on, and what was in the batch would be lost without a word.
      napi_fatal_exception(env, error.Value());
      return;
    }
  }
}

napi_status CallFor(Napi::ThreadSafeFunction& call, const std::shared_ptr<Batches>& batches) {
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
  if (batches_->FilledCount() > 0) CallFor(call_, batches_);
  thread_ = std::thread([this] { Run(); });
}

Reader::~Reader() { Stop(); }

void Reader::StopBeforeEnvironmentEnds(void* reader) { static_cast<Reader*>(reader)->Stop(); }

void Reader::Stop() {
  if (!thread_.joinable()) return;
  napi_remove_env_cleanup_hook(env_, StopBeforeEnvironmentEnds, this);
  batches_->Stop();
  batches_->round++;
  batches_->waiting = false;
  sworn_capture_wake(capture_);
  thread_.join();
  if (!refused_) call_.Release();
}

void Reader::Run() {
  while (auto batch = batches_->TakeToFill()) {
    ssize_t used = sworn_capture_drain(capture_, batch->End(), batch->Room());
    if (used > 0) {
      batch->used += static_cast<size_t>(used);
      batch->position = sworn_capture_position(capture_);
    }
    if (batch->used > 0) {
      batches_->GiveFilled(std::move(batch));
      // Also when nothing came: it was asked for meanwhile, perhaps, and not there.
      if (CallFor(call_, batches_) != napi_ok) {
        refused_ = true;
        return;
      }
    } else {
      batches_->GiveEmpty(std::move(batch));
    }
    if (used > 0) continue;
    if (sworn_capture_wait(capture_, poll_ms_) < 0) std::this_thread::sleep_for(std::chrono::milliseconds(poll_ms_));
  }
}

}  // namespace sworn
