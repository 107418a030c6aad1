// SPDX-License-Identifier: Apache-2.0

/* Of CaptureObject what belongs to probes, their secrets, and images. */

#include <cerrno>
#include <cstring>
#include <string>

#include "arguments.h"
#include "capture_object.h"

namespace sworn {

namespace {

constexpr uint32_t kHoldMsMax = 10000;
/** A file is no longer than this: what a double holds exactly. */
constexpr double kFileOffsetMax = 9007199254740991.0;

uint64_t FileOffsetOf(const Napi::CallbackInfo& info, size_t index) {
  if (!info[index].IsNumber()) throw Napi::TypeError::New(info.Env(), "fileOffset must be a number");
  double value = info[index].As<Napi::Number>().DoubleValue();
  if (!(value >= 0 && value <= kFileOffsetMax) || value != static_cast<double>(static_cast<uint64_t>(value)))
    throw Napi::RangeError::New(info.Env(), "fileOffset must be a whole number");
  return static_cast<uint64_t>(value);
}

}  // namespace

Napi::Value CaptureObject::AttachProbe(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  uint32_t kind = Uint32Of(info, 0, "kind");
  if (!info[1].IsString()) throw Napi::TypeError::New(info.Env(), "path must be a string");
  std::string path = info[1].As<Napi::String>().Utf8Value();
  uint64_t file_offset = FileOffsetOf(info, 2);
  int id = sworn_capture_attach_probe(capture, kind, path.c_str(), file_offset);
  if (id < 0) ThrowErrno(info.Env(), id, "the probe could not be placed in " + path);
  return Napi::Number::New(info.Env(), id);
}

void CaptureObject::DetachProbe(const Napi::CallbackInfo& info) {
  sworn_capture_detach_probe(Opened(info.Env()), Uint32Of(info, 0, "id"));
}

Napi::Value CaptureObject::Probes(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  auto array = Napi::Array::New(info.Env());
  sworn_probe_info probe = {};
  uint32_t count = 0;
  int error;
  while ((error = sworn_capture_probe(capture, probe.id, &probe)) == 0) {
    auto object = Napi::Object::New(info.Env());
    object.Set("id", probe.id);
    object.Set("kind", probe.kind);
    object.Set("runs", static_cast<double>(probe.runs));
    object.Set("hits", static_cast<double>(probe.hits));
    array.Set(count++, object);
  }
  if (error != -ENOENT) ThrowErrno(info.Env(), error, "the probes could not be read");
  return array;
}

Napi::Value CaptureObject::TakeSecret(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  sworn_secret secret;
  int error = sworn_capture_take_secret(capture, Uint64Of(info, 0, "id"), &secret);
  if (error == -ENOENT) return info.Env().Undefined();
  if (error) ThrowErrno(info.Env(), error, "the secret could not be taken");
  auto buffer = Napi::Buffer<uint8_t>::Copy(info.Env(), reinterpret_cast<uint8_t*>(&secret), sizeof(secret));
  explicit_bzero(&secret, sizeof(secret));
  return buffer;
}

void CaptureObject::SetCanary(const Napi::CallbackInfo& info) {
  sworn_capture_set_canary(Opened(info.Env()), Uint32Of(info, 0, "pid"));
}

void CaptureObject::SetImageKnown(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  sworn_image_key key = {};
  key.device = Uint32Of(info, 0, "device");
  key.inode = Uint64Of(info, 1, "inode");
  if (!info[2].IsBoolean()) throw Napi::TypeError::New(info.Env(), "known must be a boolean");
  uint64_t changed_ns = Uint64Of(info, 3, "changedNs");
  int error = sworn_capture_set_image_known(capture, &key, info[2].As<Napi::Boolean>().Value(), changed_ns);
  if (error) ThrowErrno(info.Env(), error, "the image could not be noted");
}

void CaptureObject::SettleImages(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  uint32_t tgid = Uint32Of(info, 0, "pid");
  int error = sworn_capture_settle_images(capture, tgid, Uint64Of(info, 1, "untilNs"));
  if (error) ThrowErrno(info.Env(), error, "the images could not be settled");
}

void CaptureObject::ReadStreams(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  if (info.Length() < 1 || !info[0].IsBoolean()) throw Napi::TypeError::New(info.Env(), "wanted must be a boolean");
  int error = sworn_capture_read_streams(capture, info[0].As<Napi::Boolean>().Value());
  if (error) ThrowErrno(info.Env(), error, "pipes and terminals cannot be read");
}

void CaptureObject::SetHoldMs(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  int error = sworn_capture_hold_images(capture, Uint32Of(info, 0, "holdMs", kHoldMsMax) * 1000000ULL);
  if (error) ThrowErrno(info.Env(), error, "images cannot be told of");
}

}  // namespace sworn
