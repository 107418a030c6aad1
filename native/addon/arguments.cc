// SPDX-License-Identifier: Apache-2.0

#include "arguments.h"

#include <cstring>

namespace sworn {

void ThrowErrno(Napi::Env env, int error, const std::string& doing, const std::string& detail) {
  std::string text = doing + ": " + std::strerror(-error);
  if (!detail.empty()) text += "\n" + detail;
  auto thrown = Napi::Error::New(env, text);
  thrown.Set("errno", Napi::Number::New(env, -error));
  thrown.Set("code", Napi::String::New(env, strerrorname_np(-error) ? strerrorname_np(-error) : "EUNKNOWN"));
  throw thrown;
}

/** An argument's bytes, which must be exactly `bytes` long. */
const uint8_t* BytesOf(const Napi::CallbackInfo& info, size_t index, size_t bytes, const char* name) {
  if (!info[index].IsTypedArray()) throw Napi::TypeError::New(info.Env(), std::string(name) + " must be a Uint8Array");
  auto array = info[index].As<Napi::TypedArray>();
  if (array.TypedArrayType() != napi_uint8_array || array.ByteLength() != bytes)
    throw Napi::TypeError::New(info.Env(), std::string(name) + " must have " + std::to_string(bytes) + " bytes");
  return static_cast<const uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset();
}

uint32_t WholeNumber(Napi::Env env, Napi::Value given, const char* name, uint32_t min, uint32_t max) {
  if (!given.IsNumber()) throw Napi::TypeError::New(env, std::string(name) + " must be a number");
  double value = given.As<Napi::Number>().DoubleValue();
  if (!(value >= min && value <= max) || value != static_cast<double>(static_cast<uint32_t>(value)))
    throw Napi::RangeError::New(env, std::string(name) + " must be a whole number from " + std::to_string(min) +
                                         " to " + std::to_string(max));
  return static_cast<uint32_t>(value);
}

uint32_t Uint32Of(const Napi::CallbackInfo& info, size_t index, const char* name, uint32_t max) {
  return WholeNumber(info.Env(), info[index], name, 0, max);
}

std::vector<uint32_t> Uint32sOf(const Napi::CallbackInfo& info, size_t index, const char* name, uint32_t min, uint32_t max) {
  if (!info[index].IsArray()) throw Napi::TypeError::New(info.Env(), std::string(name) + " must be an array");
  auto array = info[index].As<Napi::Array>();
  std::vector<uint32_t> values;
  for (uint32_t i = 0; i < array.Length(); i++) values.push_back(WholeNumber(info.Env(), array.Get(i), name, min, max));
  return values;
}

uint64_t Uint64Of(const Napi::CallbackInfo& info, size_t index, const char* name) {
  bool lossless = false;
  if (!info[index].IsBigInt()) throw Napi::TypeError::New(info.Env(), std::string(name) + " must be a bigint");
  uint64_t value = info[index].As<Napi::BigInt>().Uint64Value(&lossless);
  if (!lossless) throw Napi::RangeError::New(info.Env(), std::string(name) + " must fit 64 bits");
  return value;
}

}  // namespace sworn
