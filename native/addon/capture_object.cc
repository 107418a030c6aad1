// SPDX-License-Identifier: Apache-2.0

#include "capture_object.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "arguments.h"

namespace sworn {

namespace {

constexpr size_t kBatchBytes = 128 * 1024;
constexpr uint32_t kBufferBytesMin = 4 * kBatchBytes;
constexpr uint32_t kBufferBytesMax = 1 << 30;
constexpr uint32_t kBufferBytesDefault = 64 << 20;
constexpr size_t kLateClosesMax = 1024;
constexpr uint32_t kProcessesMax = 1 << 22;
constexpr size_t kProgramsMax = 64;

sworn_selection_kind SelectionKindOf(const Napi::CallbackInfo& info, size_t index) {
  uint32_t kind = Uint32Of(info, index, "kind");
  if (kind < SWORN_SELECT_UID || kind > SWORN_SELECT_CGROUP_PATH) throw Napi::RangeError::New(info.Env(), "kind is unknown");
  return static_cast<sworn_selection_kind>(kind);
}

size_t SelectionKeyBytes(sworn_selection_kind kind) {
  switch (kind) {
    case SWORN_SELECT_UID:
      return sizeof(uint32_t);
    case SWORN_SELECT_CGROUP:
      return sizeof(uint64_t);
    case SWORN_SELECT_EXE:
    case SWORN_SELECT_CGROUP_PATH:
      return sizeof(sworn_path_key);
  }
  return 0;
}

sworn_table TableOf(const Napi::CallbackInfo& info, size_t index) {
  uint32_t table = Uint32Of(info, index, "table");
  if (table < SWORN_TABLE_PROCESSES || table > SWORN_TABLE_STREAMS)
    throw Napi::RangeError::New(info.Env(), "table is unknown");
  return static_cast<sworn_table>(table);
}

uint32_t OptionUint32(const Napi::Object& options, const char* name, uint32_t min, uint32_t max) {
  Napi::Value value = options.Get(name);
  if (value.IsUndefined()) return 0;
  return WholeNumber(options.Env(), value, name, min, max);
}

bool OptionFlag(const Napi::Object& options, const char* name) {
  Napi::Value value = options.Get(name);
  if (value.IsUndefined()) return false;
  if (!value.IsBoolean()) throw Napi::TypeError::New(options.Env(), std::string(name) + " must be a boolean");
  return value.As<Napi::Boolean>().Value();
}

}  // namespace

Napi::Function CaptureObject::Define(Napi::Env env) {
  return DefineClass(env, "Capture",
                     {
                         InstanceMethod<&CaptureObject::Start>("start"),
                         InstanceMethod<&CaptureObject::Stop>("stop"),
                         InstanceMethod<&CaptureObject::Drain>("drain"),
                         InstanceMethod<&CaptureObject::Close>("close"),
                         InstanceMethod<&CaptureObject::Select>("select"),
                         InstanceMethod<&CaptureObject::Unselect>("unselect"),
                         InstanceMethod<&CaptureObject::Watch>("watch"),
                         InstanceMethod<&CaptureObject::Await>("await"),
                         InstanceMethod<&CaptureObject::Unwatch>("unwatch"),
                         InstanceMethod<&CaptureObject::Scan>("scan"),
                         InstanceMethod<&CaptureObject::ScanWays>("scanWays"),
                         InstanceMethod<&CaptureObject::Counters>("counters"),
                         InstanceMethod<&CaptureObject::SetBrokerPorts>("setBrokerPorts"),
                         InstanceMethod<&CaptureObject::RedirectImds>("redirectImds"),
                         InstanceMethod<&CaptureObject::ProcessOf>("processOf"),
                         InstanceMethod<&CaptureObject::CallerOf>("callerOf"),
                         InstanceMethod<&CaptureObject::Skip>("skip"),
                         InstanceMethod<&CaptureObject::Unskip>("unskip"),
                         InstanceMethod<&CaptureObject::TakeLateCloses>("takeLateCloses"),
                         InstanceMethod<&CaptureObject::Rows>("rows"),
                         InstanceMethod<&CaptureObject::TakeRow>("takeRow"),
                         InstanceMethod<&CaptureObject::AttachProbe>("attachProbe"),
                         InstanceMethod<&CaptureObject::DetachProbe>("detachProbe"),
                         InstanceMethod<&CaptureObject::Probes>("probes"),
                         InstanceMethod<&CaptureObject::TakeSecret>("takeSecret"),
                         InstanceMethod<&CaptureObject::SetCanary>("setCanary"),
                         InstanceMethod<&CaptureObject::SetImageKnown>("setImageKnown"),
                         InstanceMethod<&CaptureObject::SettleImages>("settleImages"),
                         InstanceMethod<&CaptureObject::SetHoldMs>("setHoldMs"),
                         InstanceMethod<&CaptureObject::ReadStreams>("readStreams"),
                         InstanceMethod<&CaptureObject::GuardSelf>("guardSelf"),
                         InstanceMethod<&CaptureObject::RefuseActs>("refuseActs"),
                         InstanceMethod<&CaptureObject::GuardFiles>("guardFiles"),
                         InstanceMethod<&CaptureObject::Programs>("programs"),
                         InstanceMethod<&CaptureObject::RingUse>("ringUse"),
                     });
}

CaptureObject::CaptureObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<CaptureObject>(info) {
  sworn_capture_options options = {};
  std::string cgroup_path;
  uint32_t buffer_bytes = 0;
  if (info.Length() > 0 && !info[0].IsUndefined()) {
    if (!info[0].IsObject()) throw Napi::TypeError::New(info.Env(), "options must be an object");
    auto given = info[0].As<Napi::Object>();
    options.ring_bytes = OptionUint32(given, "ringBytes", SWORN_RING_BYTES_MIN, SWORN_RING_BYTES_MAX);
    buffer_bytes = OptionUint32(given, "bufferBytes", kBufferBytesMin, kBufferBytesMax);
    options.wake_bytes = OptionUint32(given, "wakeBytes", 1, SWORN_RING_BYTES_MAX);
    options.processes_max = OptionUint32(given, "processesMax", 1, kProcessesMax);
    options.passive = OptionFlag(given, "passive");
    options.unix_by_syscall = OptionFlag(given, "unixBySyscall");
    options.without_unix = OptionFlag(given, "withoutUnix");
    options.imds_redirect = OptionFlag(given, "imdsRedirect");
    options.watch_syscalls = OptionFlag(given, "watchSyscalls");
    options.without_functions = OptionFlag(given, "withoutFunctions");
    options.stream_kinds = OptionUint32(given, "streamKinds", 0, 7);
    Napi::Value path = given.Get("cgroupPath");
    if (!path.IsUndefined()) {
      if (!path.IsString()) throw Napi::TypeError::New(info.Env(), "cgroupPath must be a string");
      cgroup_path = path.As<Napi::String>().Utf8Value();
      options.cgroup_path = cgroup_path.c_str();
    }
  }
  int error = sworn_capture_open(&options, &capture_);
  if (error) ThrowErrno(info.Env(), error, "the BPF programs could not be loaded", sworn_capture_message());
  batches_ = std::make_shared<Batches>(kBatchBytes, buffer_bytes ? buffer_bytes : kBufferBytesDefault);
}

CaptureObject::~CaptureObject() { CloseNow(); }

void CaptureObject::StopNow() {
  if (!reader_) return;
  reader_.reset();
  Unref();
}

void CaptureObject::CloseNow() {
  reader_.reset();
  sworn_capture_close(capture_);
  capture_ = nullptr;
  batches_.reset();
}

sworn_capture* CaptureObject::Opened(Napi::Env env) {
  if (!capture_) throw Napi::Error::New(env, "this capture is closed");
  return capture_;
}

void CaptureObject::Start(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  if (!info[0].IsFunction()) throw Napi::TypeError::New(info.Env(), "onBatch must be a function");
  uint32_t poll_ms = Uint32Of(info, 1, "pollMs", 1000);
  if (reader_) throw Napi::Error::New(info.Env(), "this capture is started already");
  reader_ = std::make_unique<Reader>(capture, batches_, info.Env(), info[0].As<Napi::Function>(),
                                     static_cast<int>(poll_ms));
  // While it runs it must not be collected, though nobody may hold it.
  Ref();
}

void CaptureObject::Stop(const Napi::CallbackInfo& info) { StopNow(); }

Napi::Value CaptureObject::Drain(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  if (reader_) throw Napi::Error::New(info.Env(), "stop the capture before draining it");
  // First what the reader had taken from the ring already.
  auto batch = batches_->TakeFilled();
  if (batch) {
    auto buffer = Napi::Buffer<uint8_t>::Copy(info.Env(), batch->bytes, batch->used);
    batches_->GiveEmpty(std::move(batch));
    return buffer;
  }
  std::vector<uint8_t> bytes(kBatchBytes);
  ssize_t used = sworn_capture_drain(capture, bytes.data(), bytes.size());
  if (used < 0) ThrowErrno(info.Env(), static_cast<int>(used), "the ring could not be read");
  return Napi::Buffer<uint8_t>::Copy(info.Env(), bytes.data(), static_cast<size_t>(used));
}

void CaptureObject::Close(const Napi::CallbackInfo& info) {
  StopNow();
  CloseNow();
}

void CaptureObject::Select(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  auto kind = SelectionKindOf(info, 0);
  const uint8_t* key = BytesOf(info, 1, SelectionKeyBytes(kind), "key");
  sworn_selection selection = {Uint32Of(info, 2, "selectionId"), Uint32Of(info, 3, "sessionBy", SWORN_SESSION_BY_CGROUP)};
  if (selection.selection_id == 0) throw Napi::RangeError::New(info.Env(), "selectionId 0 means none");
  int error = sworn_capture_select(capture, kind, key, &selection);
  if (error) ThrowErrno(info.Env(), error, "the selection could not be set");
}

void CaptureObject::Unselect(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  auto kind = SelectionKindOf(info, 0);
  int error = sworn_capture_unselect(capture, kind, BytesOf(info, 1, SelectionKeyBytes(kind), "key"));
  if (error && error != -ENOENT) ThrowErrno(info.Env(), error, "the selection could not be taken back");
}

void CaptureObject::Watch(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  uint32_t tgid = Uint32Of(info, 0, "pid");
  sworn_scope scope = {};
  scope.selection_id = Uint32Of(info, 1, "selectionId");
  scope.session_key = Uint64Of(info, 2, "sessionKey");
  int error = sworn_capture_watch(capture, tgid, &scope);
  if (error) ThrowErrno(info.Env(), error, "the process could not be watched");
}

void CaptureObject::Await(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  uint32_t tgid = Uint32Of(info, 0, "pid");
  sworn_awaited awaited = {};
  awaited.scope.selection_id = Uint32Of(info, 1, "selectionId");
  awaited.scope.session_key = Uint64Of(info, 2, "sessionKey");
  awaited.start_ticks = Uint64Of(info, 3, "startTicks");
  int error = sworn_capture_await(capture, tgid, &awaited);
  if (error) ThrowErrno(info.Env(), error, "the process could not be awaited");
}

Napi::Value CaptureObject::Unwatch(const Napi::CallbackInfo& info) {
  int error = sworn_capture_unwatch(Opened(info.Env()), Uint32Of(info, 0, "pid"));
  if (error && error != -ENOENT) ThrowErrno(info.Env(), error, "the process could not be let go");
  return Napi::Boolean::New(info.Env(), error == 0);
}

void CaptureObject::ScanWays(const Napi::CallbackInfo& info) {
  int error = sworn_capture_scan_ways(Opened(info.Env()));
  if (error) ThrowErrno(info.Env(), error, "cannot look for ways around the recorder");
}

void CaptureObject::Scan(const Napi::CallbackInfo& info) {
  int error = sworn_capture_scan(Opened(info.Env()), Uint32Of(info, 0, "pid"));
  // The process may be gone: then there is nothing to find.
  if (error && error != -ESRCH && error != -ENOENT)
    ThrowErrno(info.Env(), error, "what runs already could not be listed", sworn_capture_message());
}

Napi::Value CaptureObject::Counters(const Napi::CallbackInfo& info) {
  sworn_counter_value totals[SWORN_COUNTERS];
  int error = sworn_capture_counters(Opened(info.Env()), totals);
  if (error) ThrowErrno(info.Env(), error, "the counters could not be read");
  auto array = Napi::Float64Array::New(info.Env(), SWORN_COUNTERS * 2);
  for (size_t i = 0; i < SWORN_COUNTERS; i++) {
    array[i * 2] = static_cast<double>(totals[i].events);
    array[i * 2 + 1] = static_cast<double>(totals[i].bytes);
  }
  return array;
}

void CaptureObject::SetBrokerPorts(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  std::vector<uint16_t> ports;
  for (uint32_t port : Uint32sOf(info, 0, "ports", 1, UINT16_MAX)) ports.push_back(static_cast<uint16_t>(port));
  int error = sworn_capture_set_broker_ports(capture, ports.data(), ports.size());
  if (error) ThrowErrno(info.Env(), error, "the ports of the broker could not be set");
}

void CaptureObject::RedirectImds(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  auto port = static_cast<uint16_t>(Uint32Of(info, 0, "port", UINT16_MAX));
  auto selections = Uint32sOf(info, 1, "selectionIds", 1, UINT32_MAX);
  int error = sworn_capture_redirect_imds(capture, port, selections.data(), selections.size());
  if (error) ThrowErrno(info.Env(), error, "connects to IMDS could not be redirected", sworn_capture_message());
}

Napi::Value CaptureObject::ProcessOf(const Napi::CallbackInfo& info) {
  sworn_process_state state;
  int error = sworn_capture_process(Opened(info.Env()), Uint32Of(info, 0, "pid"), &state);
  if (error == -ENOENT) return info.Env().Undefined();
  if (error) ThrowErrno(info.Env(), error, "the process could not be looked up");
  return Napi::Buffer<uint8_t>::Copy(info.Env(), reinterpret_cast<uint8_t*>(&state), sizeof(state));
}

Napi::Value CaptureObject::CallerOf(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  sworn_caller_key key;
  sworn_caller caller;
  std::memcpy(&key, BytesOf(info, 0, sizeof(key), "key"), sizeof(key));
  int error = sworn_capture_caller(capture, &key, &caller);
  if (error == -ENOENT) return info.Env().Undefined();
  if (error) ThrowErrno(info.Env(), error, "the caller could not be looked up");
  return Napi::Buffer<uint8_t>::Copy(info.Env(), reinterpret_cast<uint8_t*>(&caller), sizeof(caller));
}

void CaptureObject::Skip(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  uint64_t connection = Uint64Of(info, 0, "connection");
  sworn_skip skip = {Uint64Of(info, 1, "sentFrom"), Uint64Of(info, 2, "sentTo"), Uint64Of(info, 3, "receivedFrom"),
                     Uint64Of(info, 4, "receivedTo")};
  int error = sworn_capture_skip(capture, connection, &skip);
  if (error) ThrowErrno(info.Env(), error, "the skip could not be set");
}

void CaptureObject::Unskip(const Napi::CallbackInfo& info) {
  int error = sworn_capture_unskip(Opened(info.Env()), Uint64Of(info, 0, "connection"));
  if (error && error != -ENOENT) ThrowErrno(info.Env(), error, "the skip could not be taken back");
}

Napi::Value CaptureObject::TakeLateCloses(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  std::vector<sworn_close_event> closes;
  sworn_close_event close;
  while (closes.size() < kLateClosesMax && sworn_capture_take_late_close(capture, &close) == 0) closes.push_back(close);
  return Napi::Buffer<uint8_t>::Copy(info.Env(), reinterpret_cast<uint8_t*>(closes.data()),
                                     closes.size() * sizeof(close));
}

Napi::Value CaptureObject::Rows(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  auto table = TableOf(info, 0);
  size_t rows_max = sworn_capture_rows_max(capture, table);
  size_t row_bytes = sworn_capture_row_bytes(table);
  // Not cleared: most tables are nearly empty, and what is not written is not touched.
  std::unique_ptr<uint8_t[]> rows(new uint8_t[rows_max * row_bytes]);
  ssize_t count = sworn_capture_rows(capture, table, rows.get(), rows_max);
  if (count < 0) ThrowErrno(info.Env(), static_cast<int>(count), "the table could not be read");
  return Napi::Buffer<uint8_t>::Copy(info.Env(), rows.get(), static_cast<size_t>(count) * row_bytes);
}

Napi::Value CaptureObject::TakeRow(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  auto table = TableOf(info, 0);
  size_t key_bytes = sworn_capture_key_bytes(table), row_bytes = sworn_capture_row_bytes(table);
  size_t value_at = (key_bytes + 7) & ~size_t{7};
  const uint8_t* key = BytesOf(info, 1, key_bytes, "key");
  std::vector<uint8_t> row(row_bytes);
  std::memcpy(row.data(), key, key_bytes);
  int error = sworn_capture_take_row(capture, table, key, row.data() + value_at);
  if (error == -ENOENT) return info.Env().Undefined();
  if (error) ThrowErrno(info.Env(), error, "the row could not be taken");
  return Napi::Buffer<uint8_t>::Copy(info.Env(), row.data(), row.size());
}

Napi::Value CaptureObject::Programs(const Napi::CallbackInfo& info) {
  sworn_program_info infos[kProgramsMax];
  size_t count = sworn_capture_programs(Opened(info.Env()), infos, kProgramsMax);
  auto array = Napi::Array::New(info.Env());
  for (size_t i = 0; i < count && i < kProgramsMax; i++) {
    auto object = Napi::Object::New(info.Env());
    object.Set("name", infos[i].name);
    object.Set("runs", static_cast<double>(infos[i].runs));
    object.Set("runNs", static_cast<double>(infos[i].run_ns));
    object.Set("missed", static_cast<double>(infos[i].missed));
    object.Set("instructions", infos[i].instructions);
    object.Set("attached", infos[i].attached);
    array.Set(static_cast<uint32_t>(i), object);
  }
  return array;
}

Napi::Value CaptureObject::RingUse(const Napi::CallbackInfo& info) {
  sworn_ring_use use;
  sworn_capture_ring_use(Opened(info.Env()), &use);
  auto object = Napi::Object::New(info.Env());
  object.Set("waitingBytes", static_cast<double>(use.waiting_bytes));
  object.Set("sizeBytes", static_cast<double>(use.size_bytes));
  object.Set("bufferedBytes", static_cast<double>(batches_->WaitingBytes()));
  object.Set("bufferBytes", static_cast<double>(batches_->BytesMax()));
  object.Set("writtenPosition", static_cast<double>(use.written_position));
  return object;
}

}  // namespace sworn
