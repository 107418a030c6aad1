// SPDX-License-Identifier: Apache-2.0

#include <string>
#include <vector>

#include "arguments.h"
#include "capture_object.h"

namespace sworn {

void CaptureObject::GuardSelf(const Napi::CallbackInfo& info) {
  int error = sworn_capture_guard_self(Opened(info.Env()));
  if (error) ThrowErrno(info.Env(), error, "acts against this process cannot be told of");
}

void CaptureObject::RefuseActs(const Napi::CallbackInfo& info) {
  int error = sworn_capture_refuse_acts(Opened(info.Env()));
  if (error) ThrowErrno(info.Env(), error, "the guard could not be set", sworn_capture_message());
}

void CaptureObject::GuardFiles(const Napi::CallbackInfo& info) {
  sworn_capture* capture = Opened(info.Env());
  if (!info[0].IsArray()) throw Napi::TypeError::New(info.Env(), "paths must be an array of strings");
  auto given = info[0].As<Napi::Array>();
  std::vector<std::string> paths;
  std::vector<const char*> texts;
  for (uint32_t i = 0; i < given.Length(); i++) {
    Napi::Value path = given.Get(i);
    if (!path.IsString()) throw Napi::TypeError::New(info.Env(), "paths must be an array of strings");
    paths.push_back(path.As<Napi::String>().Utf8Value());
  }
  for (const auto& path : paths) texts.push_back(path.c_str());
  int error = sworn_capture_guard_files(capture, texts.data(), texts.size());
  if (error) ThrowErrno(info.Env(), error, "files could not be guarded");
}

}  // namespace sworn
