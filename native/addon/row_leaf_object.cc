// SPDX-License-Identifier: Apache-2.0

#include "row_leaf_object.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <bit>
#include <utility>

namespace sworn {

namespace {

/** The plan as cli/audit/row-plan.ts lays it out: numbers, one behind the other, and texts beside them. */
class PlanReader {
 public:
  PlanReader(Napi::Env env, const uint32_t* at, size_t count, std::vector<std::string> texts)
      : env_(env), at_(at), left_(count), texts_(std::move(texts)) {}

  RowPlan Read() {
    RowPlan plan = {};
    plan.version = Next();
    plan.agent_id_number = Next();
    plan.host_number = Next();
    for (uint32_t count = Next(); count > 0; count--) {
      ColumnSpec spec = {NextText(), NextText(), static_cast<ColumnShape>(Below(7)), Below(65)};
      plan.columns.push_back(std::move(spec));
    }
    columns_ = plan.columns;
    plan.agent_id = Column(ColumnShape::kWord);
    plan.host = Column(ColumnShape::kWord);
    plan.seq = Column(ColumnShape::kFixed, 8);
    plan.kind = Column(ColumnShape::kWord);
    plan.salt = Column(ColumnShape::kFixed);
    plan.leaf = Column(ColumnShape::kFixed, kLeafBytes);
    plan.digests = MaybeColumn(ColumnShape::kWordFixedMap, kLeafBytes);
    plan.erasure = MaybeColumn(ColumnShape::kFixed, 8);
    for (uint32_t count = Next(); count > 0; count--) {
      std::vector<std::string> words;
      for (uint32_t inside = Next(); inside > 0; inside--) words.push_back(NextText());
      plan.words.push_back(std::move(words));
    }
    words_ = plan.words.size();
    plan.head = Fields(false);
    for (uint32_t count = Next(); count > 0; count--) {
      RowDetail detail = {};
      detail.number = Below(kNumbersMax);
      detail.name = NextText();
      detail.fields = Fields(true);
      for (uint32_t inside = Next(); inside > 0; inside--)
        detail.foreign.push_back(Below(static_cast<uint32_t>(columns_.size())));
      plan.details.push_back(std::move(detail));
    }
    if (left_ > 0 || text_ != texts_.size()) Refuse();
    return plan;
  }

 private:
  std::vector<RowField> Fields(bool may_be_message) {
    std::vector<RowField> fields;
    for (uint32_t count = Next(); count > 0; count--) {
      RowField field = {};
      field.number = Below(kNumbersMax);
      field.kind = static_cast<FieldKind>(Below(static_cast<uint32_t>(FieldKind::kMessage) + 1));
      field.payload = Below(2) != 0;
      field.words = kNone;
      if (field.kind == FieldKind::kMessage) {
        if (!may_be_message || field.payload) Refuse();
        field.fields = Fields(false);
        for (const RowField& one : field.fields)
          if (one.kind != FieldKind::kUint64 || one.payload) Refuse();
      } else {
        field.column = Below(static_cast<uint32_t>(columns_.size()));
        const uint32_t words = Next();
        if (words != kNone && words >= words_) Refuse();
        field.words = words;
        if (!Fits(field)) Refuse();
      }
      field.digest_name = field.payload ? NextText() : "";
      fields.push_back(std::move(field));
    }
    return fields;
  }

  bool Fits(const RowField& field) const {
    const ColumnSpec& spec = columns_[field.column];
    const bool is_number = spec.shape == ColumnShape::kFixed && spec.width <= 8;
    switch (field.kind) {
      case FieldKind::kUint32:
      case FieldKind::kUint64:
        return field.words == kNone ? is_number : spec.shape == ColumnShape::kWord;
      case FieldKind::kOptionalUint64:
        return spec.shape == ColumnShape::kNullableUint64;
      case FieldKind::kFixed64:
        return is_number && spec.width == 8;
      case FieldKind::kBool:
        return is_number && spec.width == 1;
      case FieldKind::kText:
        return spec.shape == ColumnShape::kString || spec.shape == ColumnShape::kWord;
      case FieldKind::kBytes:
        return spec.shape == ColumnShape::kString || spec.shape == ColumnShape::kFixed;
      case FieldKind::kTexts:
        return spec.shape == ColumnShape::kTexts;
      case FieldKind::kMap:
        return spec.shape == ColumnShape::kWordTextMap;
      case FieldKind::kMessage:
        return false;
    }
    return false;
  }

  uint32_t Column(ColumnShape shape, uint32_t width = 0) {
    const uint32_t column = Below(static_cast<uint32_t>(columns_.size()));
    if (columns_[column].shape != shape || (width > 0 && columns_[column].width != width)) Refuse();
    return column;
  }

  uint32_t MaybeColumn(ColumnShape shape, uint32_t width) {
    if (left_ == 0 || *at_ != kNone) return Column(shape, width);
    return Next();
  }

  uint32_t Below(uint32_t bound) {
    const uint32_t number = Next();
    if (number >= bound) Refuse();
    return number;
  }

  uint32_t Next() {
    if (left_ == 0) Refuse();
    left_--;
    return *at_++;
  }

  std::string NextText() {
    if (text_ >= texts_.size()) Refuse();
    return texts_[text_++];
  }

  [[noreturn]] void Refuse() { throw Napi::RangeError::New(env_, "the plan of rows is not whole"); }

  Napi::Env env_;
  const uint32_t* at_;
  size_t left_;
  std::vector<std::string> texts_;
  size_t text_ = 0;
  std::vector<ColumnSpec> columns_;
  size_t words_ = 0;
};

bool IsBytes(Napi::Value value) {
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
}

uint64_t WholeNumberOf(Napi::Env env, Napi::Value value, const char* name) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (number < 0 || number > 9007199254740991.0 || number != static_cast<double>(static_cast<uint64_t>(number)))
    throw Napi::RangeError::New(env, std::string(name) + " must be a whole number");
  return static_cast<uint64_t>(number);
}

void HashNode(const uint8_t* left, const uint8_t* right, uint8_t* to) {
  const uint8_t mark = 1;
  SHA256_CTX hash;
  SHA256_Init(&hash);
  SHA256_Update(&hash, &mark, 1);
  SHA256_Update(&hash, left, kLeafBytes);
  SHA256_Update(&hash, right, kLeafBytes);
  SHA256_Final(to, &hash);
}

}  // namespace

Napi::Function RowLeafObject::Define(Napi::Env env) {
  return DefineClass(env, "RowLeafWriter", {InstanceMethod<&RowLeafObject::Read>("read")});
}

RowLeafObject::RowLeafObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RowLeafObject>(info) {
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array || !info[1].IsArray())
    throw Napi::TypeError::New(info.Env(), "the plan is a Uint32Array and a list of texts");
  auto numbers = info[0].As<Napi::Uint32Array>();
  auto list = info[1].As<Napi::Array>();
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < list.Length(); i++) {
    Napi::Value text = list[i];
    if (!text.IsString()) throw Napi::TypeError::New(info.Env(), "the texts of the plan are strings");
    texts.push_back(text.As<Napi::String>().Utf8Value());
  }
  writer_ = std::make_unique<RowLeafWriter>(
      PlanReader(info.Env(), numbers.Data(), numbers.ElementLength(), std::move(texts)).Read());
}

Napi::Value RowLeafObject::Read(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!IsBytes(info[0]) || !IsBytes(info[2]) || !IsBytes(info[3]) || !IsBytes(info[4]))
    throw Napi::TypeError::New(env, "rows, the first number, and room for leaves computed, leaves stored and states");
  auto bytes = info[0].As<Napi::Uint8Array>();
  auto computed = info[2].As<Napi::Uint8Array>();
  auto stored = info[3].As<Napi::Uint8Array>();
  auto states = info[4].As<Napi::Uint8Array>();
  const size_t count = states.ByteLength();
  if (computed.ByteLength() != count * kLeafBytes || stored.ByteLength() != count * kLeafBytes)
    throw Napi::RangeError::New(env, "there is room for as many leaves as states");
  const uint8_t* asked = nullptr;
  if (!info[5].IsUndefined()) {
    if (!IsBytes(info[5])) throw Napi::TypeError::New(env, "the columns that were asked for are bytes");
    auto list = info[5].As<Napi::Uint8Array>();
    if (list.ByteLength() != writer_->columns()) throw Napi::RangeError::New(env, "of each column is said whether it was asked for");
    asked = list.Data();
    for (size_t i = 0; i < list.ByteLength(); i++)
      if (asked[i] == 0 && writer_->IsNeeded(i)) throw Napi::RangeError::New(env, "no row is read without all needed columns");
  }
  RowPage page = {WholeNumberOf(env, info[1], "the first number"), count, computed.Data(), stored.Data(), states.Data(), 0, {}};
  if (const char* wrong = writer_->Read(bytes.Data(), bytes.ByteLength(), asked, &page)) throw Napi::Error::New(env, wrong);
  auto doubled = Napi::Array::New(env, page.doubled.size());
  for (size_t i = 0; i < page.doubled.size(); i++) {
    const Doubled& one = page.doubled[i];
    auto object = Napi::Object::New(env);
    object.Set("seq", Napi::Number::New(env, static_cast<double>(one.seq)));
    object.Set("state", Napi::Number::New(env, one.state));
    object.Set("computed", Napi::Buffer<uint8_t>::Copy(env, one.computed, kLeafBytes));
    object.Set("stored", Napi::Buffer<uint8_t>::Copy(env, one.stored, kLeafBytes));
    doubled.Set(static_cast<uint32_t>(i), object);
  }
  auto result = Napi::Object::New(env);
  result.Set("rows", Napi::Number::New(env, static_cast<double>(page.rows)));
  result.Set("doubled", doubled);
  return result;
}

Napi::Value GrowTree(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!IsBytes(info[1]) || !IsBytes(info[2])) throw Napi::TypeError::New(env, "a size, subtrees and leaves");
  uint64_t size = WholeNumberOf(env, info[0], "the size");
  auto subtrees = info[1].As<Napi::Uint8Array>();
  auto leaves = info[2].As<Napi::Uint8Array>();
  if (subtrees.ByteLength() != static_cast<size_t>(std::popcount(size)) * kLeafBytes || leaves.ByteLength() % kLeafBytes != 0)
    throw Napi::RangeError::New(env, "a tree has as many subtrees as its size has ones, and a leaf 32 bytes");
  std::vector<uint8_t> edge(subtrees.Data(), subtrees.Data() + subtrees.ByteLength());
  for (size_t at = 0; at < leaves.ByteLength(); at += kLeafBytes, size++) {
    uint8_t node[kLeafBytes];
    std::memcpy(node, leaves.Data() + at, kLeafBytes);
    for (uint64_t rest = size; rest & 1; rest >>= 1) {
      HashNode(edge.data() + edge.size() - kLeafBytes, node, node);
      edge.resize(edge.size() - kLeafBytes);
    }
    edge.insert(edge.end(), node, node + kLeafBytes);
  }
  return Napi::Buffer<uint8_t>::Copy(env, edge.data(), edge.size());
}

}  // namespace sworn
