// SPDX-License-Identifier: Apache-2.0

#include "tree.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <cstdint>
#include <cstring>

#include "arguments.h"

namespace sworn {

namespace {

constexpr size_t kHashBytes = 32;
/** Sizes are below 2^53, so a right edge has at most so many subtrees. */
constexpr size_t kSubtreesMax = 53;
constexpr uint64_t kSizeMax = (1ull << 53) - 1;
/** RFC 6962, 2.1: in front of two children. */
constexpr uint8_t kNodeMark = 0x01;

/** `left` becomes the hash of the node over it and the hash behind it. */
void Join(uint8_t* left) {
  SHA256_CTX hash;
  SHA256_Init(&hash);
  SHA256_Update(&hash, &kNodeMark, 1);
  SHA256_Update(&hash, left, 2 * kHashBytes);
  SHA256_Final(left, &hash);
}

Napi::Uint8Array BytesAt(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsTypedArray() || info[index].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    throw Napi::TypeError::New(info.Env(), std::string(name) + " must be bytes");
  return info[index].As<Napi::Uint8Array>();
}

/** The entry at `*at`, which goes on behind it; nullptr when it is not whole or too short for a leaf. */
const uint8_t* NextLeaf(const uint8_t** at, const uint8_t* end) {
  uint64_t length = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (*at == end || shift > 28) return nullptr;
    uint8_t byte = *(*at)++;
    length |= static_cast<uint64_t>(byte & 127) << shift;
    if (byte < 128) break;
  }
  if (length < kHashBytes || length > static_cast<uint64_t>(end - *at)) return nullptr;
  *at += length;
  return *at - kHashBytes;
}

}  // namespace

Napi::Value AppendLeaves(const Napi::CallbackInfo& info) {
  auto subtrees = BytesAt(info, 0, "subtrees");
  double given_size = info[1].IsNumber() ? info[1].As<Napi::Number>().DoubleValue() : -1;
  auto batch = BytesAt(info, 2, "batch");
  uint32_t skip = Uint32Of(info, 3, "skip");
  uint32_t count = Uint32Of(info, 4, "count");
  if (subtrees.ByteLength() != (kSubtreesMax + 1) * kHashBytes)
    throw Napi::RangeError::New(info.Env(), "a tree has room for 54 hashes");
  if (!(given_size >= 0) || given_size + count > static_cast<double>(kSizeMax))
    throw Napi::RangeError::New(info.Env(), "no tree has so many leaves");
  auto size = static_cast<uint64_t>(given_size);
  if (static_cast<double>(size) != given_size) throw Napi::RangeError::New(info.Env(), "the size is not whole");

  // Aside, and in place only when all of the batch was good.
  uint8_t stack[(kSubtreesMax + 1) * kHashBytes];
  std::memcpy(stack, subtrees.Data(), sizeof(stack));
  uint8_t* top = stack + static_cast<size_t>(__builtin_popcountll(size)) * kHashBytes;
  const uint8_t* at = batch.Data();
  const uint8_t* end = at + batch.ByteLength();
  for (uint64_t entry = 0; entry < static_cast<uint64_t>(skip) + count; entry++) {
    const uint8_t* leaf = NextLeaf(&at, end);
    if (leaf == nullptr) throw Napi::RangeError::New(info.Env(), "the batch does not hold so many entries");
    if (entry < skip) continue;
    std::memcpy(top, leaf, kHashBytes);
    for (uint64_t rest = size; rest & 1; rest >>= 1) {
      top -= kHashBytes;
      Join(top);
    }
    top += kHashBytes;
    size++;
  }
  std::memcpy(subtrees.Data(), stack, sizeof(stack));
  return Napi::Number::New(info.Env(), static_cast<double>(size));
}

}  // namespace sworn
