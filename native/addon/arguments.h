/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_ADDON_ARGUMENTS_H
#define SWORN_ADDON_ARGUMENTS_H

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

namespace sworn {

/* Arguments of JavaScript, checked, and errors of the loader, for all parts of the addon. They throw. */

/** `error`: a negative errno; its name becomes the error's code. */
[[noreturn]] void ThrowErrno(Napi::Env env, int error, const std::string& doing, const std::string& detail = "");
/** An argument's bytes, which must be exactly `bytes` long. */
const uint8_t* BytesOf(const Napi::CallbackInfo& info, size_t index, size_t bytes, const char* name);
uint32_t WholeNumber(Napi::Env env, Napi::Value given, const char* name, uint32_t min, uint32_t max);
uint32_t Uint32Of(const Napi::CallbackInfo& info, size_t index, const char* name, uint32_t max = UINT32_MAX);
/** An array of whole numbers. */
std::vector<uint32_t> Uint32sOf(const Napi::CallbackInfo& info, size_t index, const char* name, uint32_t min, uint32_t max);
uint64_t Uint64Of(const Napi::CallbackInfo& info, size_t index, const char* name);

}  // namespace sworn

#endif
