// SPDX-License-Identifier: Apache-2.0

#include "leaf_object.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace sworn {

namespace {

constexpr uint32_t kKinds = static_cast<uint32_t>(FieldKind::kMessage) + 1;

/** The table as proto/leaf-table.ts lays it out: numbers, one behind the other. */
class TableReader {
 public:
  TableReader(Napi::Env env, const uint32_t* at, size_t count) : env_(env), at_(at), left_(count) {}

  LeafTable Read() {
    LeafTable table = {};
    table.version = Next();
    table.agent_id_number = Next();
    table.host_number = Next();
    table.salt_number = Next();
    table.leaf_number = Next();
    table.head = Fields();
    for (uint32_t count = Next(); count > 0; count--) {
      uint32_t number = Number();
      table.details.push_back({number, Fields()});
    }
    if (left_ > 0) Refuse();
    return table;
  }

 private:
  std::vector<LeafField> Fields() {
    std::vector<LeafField> fields;
    for (uint32_t count = Next(); count > 0; count--) {
      LeafField field = {};
      field.number = Number();
      uint32_t kind = Next();
      if (kind >= kKinds) Refuse();
      field.kind = static_cast<FieldKind>(kind);
      field.payload = Next() != 0;
      if (field.kind == FieldKind::kMessage) field.fields = Inner();
      fields.push_back(std::move(field));
    }
    return fields;
  }

  /** A message in a detail has numbers only. */
  std::vector<LeafField> Inner() {
    std::vector<LeafField> fields;
    for (uint32_t count = Next(); count > 0; count--) {
      LeafField field = {};
      field.number = Number();
      if (Next() != static_cast<uint32_t>(FieldKind::kUint64) || Next() != 0) Refuse();
      field.kind = FieldKind::kUint64;
      fields.push_back(std::move(field));
    }
    return fields;
  }

  uint32_t Number() {
    uint32_t number = Next();
    if (number >= kNumbersMax) Refuse();
    return number;
  }

  uint32_t Next() {
    if (left_ == 0) Refuse();
    left_--;
    return *at_++;
  }

  [[noreturn]] void Refuse() { throw Napi::RangeError::New(env_, "the table of fields is not whole"); }

  Napi::Env env_;
  const uint32_t* at_;
  size_t left_;
};

bool IsBytes(Napi::Value value) {
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
}

}  // namespace

Napi::Function LeafObject::Define(Napi::Env env) {
  return DefineClass(env, "LeafWriter",
                     {
                         InstanceMethod<&LeafObject::WriteInto>("writeInto"),
                         InstanceMethod<&LeafObject::Chain>("chain"),
                     });
}

LeafObject::LeafObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<LeafObject>(info) {
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array)
    throw Napi::TypeError::New(info.Env(), "table must be a Uint32Array");
  if (!info[1].IsString() || !info[2].IsString())
    throw Napi::TypeError::New(info.Env(), "agentId and host must be strings");
  auto table = info[0].As<Napi::Uint32Array>();
  writer_ = std::make_unique<LeafWriter>(TableReader(info.Env(), table.Data(), table.ElementLength()).Read(),
                                         info[1].As<Napi::String>().Utf8Value(), info[2].As<Napi::String>().Utf8Value());
}

Napi::Value LeafObject::WriteInto(const Napi::CallbackInfo& info) {
  if (!IsBytes(info[0]) || !info[1].IsNumber()) throw Napi::TypeError::New(info.Env(), "bytes and their number");
  auto bytes = info[0].As<Napi::Uint8Array>();
  int64_t count = info[1].As<Napi::Number>().Int64Value();
  if (count < 0 || static_cast<uint64_t>(count) > bytes.ByteLength())
    throw Napi::RangeError::New(info.Env(), "there are not so many bytes");
  uint8_t leaf[kLeafBytes];
  if (!writer_->Write(bytes.Data(), static_cast<size_t>(count), leaf)) return Napi::Boolean::New(info.Env(), false);
  std::memcpy(bytes.Data() + count - kLeafBytes, leaf, kLeafBytes);
  return Napi::Boolean::New(info.Env(), true);
}

void LeafObject::Chain(const Napi::CallbackInfo& info) {
  if (!IsBytes(info[0]) || !IsBytes(info[1]) || !info[2].IsNumber())
    throw Napi::TypeError::New(info.Env(), "the chain, bytes and their number");
  auto chain = info[0].As<Napi::Uint8Array>();
  auto bytes = info[1].As<Napi::Uint8Array>();
  int64_t count = info[2].As<Napi::Number>().Int64Value();
  if (chain.ByteLength() != kLeafBytes || count < static_cast<int64_t>(kLeafBytes) ||
      static_cast<uint64_t>(count) > bytes.ByteLength())
    throw Napi::RangeError::New(info.Env(), "the chain has 32 bytes, and so has the leaf at the end");
  SHA256_CTX hash;
  SHA256_Init(&hash);
  SHA256_Update(&hash, chain.Data(), kLeafBytes);
  SHA256_Update(&hash, bytes.Data() + count - kLeafBytes, kLeafBytes);
  SHA256_Final(chain.Data(), &hash);
}

}  // namespace sworn
