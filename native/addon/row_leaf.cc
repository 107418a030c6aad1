// SPDX-License-Identifier: Apache-2.0

#include "row_leaf.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>
#include <utility>

namespace sworn {

namespace {

/** A buffer that one large activity made is not kept for ever. */
constexpr size_t kKeptBytesMax = 1 << 20;
const uint8_t kZeros[64] = {};

void AppendUvarint(std::vector<uint8_t>* to, uint64_t value) {
  while (value > 127) {
    to->push_back(static_cast<uint8_t>(value) | 128);
    value >>= 7;
  }
  to->push_back(static_cast<uint8_t>(value));
}

void Append(std::vector<uint8_t>* to, const uint8_t* at, size_t bytes) { to->insert(to->end(), at, at + bytes); }

void AppendField(std::vector<uint8_t>* to, uint32_t number, const uint8_t* at, size_t bytes) {
  AppendUvarint(to, number);
  AppendUvarint(to, bytes);
  Append(to, at, bytes);
}

bool IsZero(const uint8_t* at, size_t bytes) {
  for (; bytes > sizeof(kZeros); at += sizeof(kZeros), bytes -= sizeof(kZeros))
    if (std::memcmp(at, kZeros, sizeof(kZeros)) != 0) return false;
  return std::memcmp(at, kZeros, bytes) == 0;
}

int Compare(const Text& one, const Text& other) {
  const int order = std::memcmp(one.at, other.at, std::min(one.bytes, other.bytes));
  return order != 0 ? order : one.bytes < other.bytes ? -1 : one.bytes > other.bytes;
}

bool IsAllZero(const Column& column, const ColumnSpec& spec, size_t rows) {
  switch (spec.shape) {
    case ColumnShape::kString:
    case ColumnShape::kWord:
      return std::all_of(column.texts.begin(), column.texts.end(), [](const Text& text) { return text.bytes == 0; });
    case ColumnShape::kFixed:
      return IsZero(column.fixed, rows * spec.width);
    case ColumnShape::kNullableUint64:
      return std::all_of(column.nulls, column.nulls + rows, [](uint8_t isNull) { return isNull == 1; });
    case ColumnShape::kTexts:
    case ColumnShape::kWordTextMap:
    case ColumnShape::kWordFixedMap:
      return rows == 0 || column.EndOf(rows - 1) == 0;
  }
  return false;
}

bool IsZeroAt(const Column& column, const ColumnSpec& spec, size_t row) {
  switch (spec.shape) {
    case ColumnShape::kString:
      return column.texts[row].bytes == 0;
    case ColumnShape::kWord:
      return column.WordAt(row).bytes == 0;
    case ColumnShape::kFixed:
      return IsZero(column.fixed + row * spec.width, spec.width);
    case ColumnShape::kNullableUint64:
      return column.nulls[row] == 1;
    case ColumnShape::kTexts:
    case ColumnShape::kWordTextMap:
    case ColumnShape::kWordFixedMap:
      return column.StartOf(row) == column.EndOf(row);
  }
  return false;
}

}  // namespace

RowLeafWriter::RowLeafWriter(RowPlan plan) : plan_(std::move(plan)) {}

const char* RowLeafWriter::Read(const uint8_t* at, size_t bytes, RowPage* page) {
  const uint8_t* end = at + bytes;
  while (at < end) {
    if (const char* wrong = block_.Read(&at, end, plan_.columns)) return wrong;
    if (block_.rows == 0) continue;
    all_zero_.resize(plan_.columns.size());
    for (size_t i = 0; i < plan_.columns.size(); i++)
      all_zero_[i] = IsAllZero(block_.columns[i], plan_.columns[i], block_.rows);
    for (size_t row = 0; row < block_.rows; row++)
      if (const char* wrong = ReadRow(block_, row, page)) return wrong;
  }
  return nullptr;
}

const char* RowLeafWriter::ReadRow(const Block& block, size_t row, RowPage* page) {
  uint64_t seq;
  std::memcpy(&seq, block.columns[plan_.seq].fixed + row * 8, 8);
  if (seq < page->first || seq - page->first >= page->count) return "a row has a number that was not asked for";
  const size_t place = static_cast<size_t>(seq - page->first);
  uint8_t state = kPresent;
  uint8_t leaf[kLeafBytes] = {};
  const Text& kind = block.columns[plan_.kind].WordAt(row);
  const RowDetail* detail = nullptr;
  for (const RowDetail& one : plan_.details)
    if (kind.Is(one.name)) detail = &one;
  const uint8_t* stored = block.columns[plan_.leaf].fixed + row * kLeafBytes;
  if (detail != nullptr && WriteLeaf(block, row, *detail, leaf, &state)) {
    if (std::memcmp(leaf, stored, kLeafBytes) == 0) state |= kSame;
  } else {
    std::memset(leaf, 0, kLeafBytes);
  }
  if (detail != nullptr && HasForeign(block, row, *detail)) state |= kForeign;
  if (plan_.erasure != kNone && !IsZero(block.columns[plan_.erasure].fixed + row * 8, 8)) state |= kTombstone;
  page->rows++;
  if (page->states[place] != 0) {
    if (page->doubled.size() >= kDoubledMax) return "too many rows have a number that is there already";
    Doubled doubled = {seq, state, {}, {}};
    std::memcpy(doubled.computed, leaf, kLeafBytes);
    std::memcpy(doubled.stored, stored, kLeafBytes);
    page->doubled.push_back(doubled);
    return nullptr;
  }
  page->states[place] = state;
  std::memcpy(page->computed + place * kLeafBytes, leaf, kLeafBytes);
  std::memcpy(page->stored + place * kLeafBytes, stored, kLeafBytes);
  return nullptr;
}

bool RowLeafWriter::HasForeign(const Block& block, size_t row, const RowDetail& detail) const {
  for (const uint32_t column : detail.foreign)
    if (!all_zero_[column] && !IsZeroAt(block.columns[column], plan_.columns[column], row)) return true;
  return false;
}

bool RowLeafWriter::WriteLeaf(const Block& block, size_t row, const RowDetail& detail, uint8_t* leaf, uint8_t* state) {
  salt_ = block.columns[plan_.salt].fixed + row * plan_.columns[plan_.salt].width;
  salt_bytes_ = plan_.columns[plan_.salt].width;
  if (IsZero(salt_, salt_bytes_)) salt_bytes_ = 0;
  kept_used_ = 0;
  has_payload_ = salt_bytes_ > 0;
  if (canonical_.capacity() > kKeptBytesMax) std::vector<uint8_t>().swap(canonical_);
  if (value_.capacity() > kKeptBytesMax) std::vector<uint8_t>().swap(value_);
  canonical_.clear();
  canonical_.push_back(0);
  AppendUvarint(&canonical_, plan_.version);
  if (!WriteFields(block, row, plan_.head, 0, detail.number, 0)) return false;
  AppendUvarint(&canonical_, detail.number);
  const size_t start = canonical_.size();
  if (!WriteFields(block, row, detail.fields, 0, kNumbersMax, detail.number)) return false;
  // Its length stands before it, and is known only now.
  value_.clear();
  AppendUvarint(&value_, canonical_.size() - start);
  canonical_.insert(canonical_.begin() + static_cast<ptrdiff_t>(start), value_.begin(), value_.end());
  if (!WriteFields(block, row, plan_.head, detail.number, kNumbersMax, 0)) return false;
  for (const auto& [number, column] :
       {std::pair{plan_.agent_id_number, plan_.agent_id}, std::pair{plan_.host_number, plan_.host}}) {
    const Text& text = block.columns[column].WordAt(row);
    if (text.bytes > 0) AppendField(&canonical_, number, text.at, text.bytes);
  }
  SHA256_CTX hash;
  SHA256_Init(&hash);
  SHA256_Update(&hash, canonical_.data(), canonical_.size());
  SHA256_Final(leaf, &hash);
  if (has_payload_) *state |= kPayload;
  if (plan_.digests == kNone) return true;
  const Column& digests = block.columns[plan_.digests];
  const uint64_t kept = digests.EndOf(row) - digests.StartOf(row);
  if (kept > 0) *state |= kErased;
  // A digest that took no field's place is bound by nothing.
  if (kept != kept_used_) *state |= kForeign;
  return true;
}

bool RowLeafWriter::WriteFields(const Block& block, size_t row, const std::vector<RowField>& fields, uint32_t from,
                                uint32_t to, uint32_t detail_number) {
  for (const RowField& field : fields) {
    if (field.number < from || field.number >= to) continue;
    if (field.payload ? !WritePayload(block, row, field, detail_number) : !WriteField(block, row, field)) return false;
  }
  return true;
}

bool RowLeafWriter::WriteField(const Block& block, size_t row, const RowField& field) {
  if (field.kind != FieldKind::kMessage && field.kind != FieldKind::kOptionalUint64 && all_zero_[field.column]) return true;
  if (field.kind == FieldKind::kText && plan_.columns[field.column].shape != ColumnShape::kFixed) {
    const Column& column = block.columns[field.column];
    const bool is_word = plan_.columns[field.column].shape == ColumnShape::kWord;
    const Text& text = is_word ? column.WordAt(row) : column.texts[row];
    if (text.bytes > 0) AppendField(&canonical_, field.number, text.at, text.bytes);
    return true;
  }
  value_.clear();
  if (!AppendValue(block, row, field, &value_)) return false;
  if (!value_.empty()) AppendField(&canonical_, field.number, value_.data(), value_.size());
  return true;
}

/** The number of an enum by its word, or of a column of numbers. False for a word that is none. */
bool RowLeafWriter::NumberOf(const Block& block, size_t row, const RowField& field, uint64_t* number) {
  const Column& column = block.columns[field.column];
  if (field.words == kNone) {
    *number = 0;
    const uint32_t width = plan_.columns[field.column].width;
    if (width > sizeof(*number)) return false;
    std::memcpy(number, column.fixed + row * width, width);
    return true;
  }
  const Text& text = column.WordAt(row);
  const std::vector<std::string>& words = plan_.words[field.words];
  for (size_t i = 0; i < words.size(); i++) {
    if (!text.Is(words[i])) continue;
    *number = i;
    return true;
  }
  // A number that a collector did not know keeps its digits: unknown_7.
  static const std::string kUnknown = "unknown_";
  if (text.bytes <= kUnknown.size() || text.bytes > kUnknown.size() + 10) return false;
  if (std::memcmp(text.at, kUnknown.data(), kUnknown.size()) != 0) return false;
  *number = 0;
  for (size_t i = kUnknown.size(); i < text.bytes; i++) {
    if (text.at[i] < '0' || text.at[i] > '9') return false;
    *number = *number * 10 + (text.at[i] - '0');
  }
  return *number >= words.size() && *number <= UINT32_MAX;
}

/** The value without a length, appended; nothing for one that is left out. */
bool RowLeafWriter::AppendValue(const Block& block, size_t row, const RowField& field, std::vector<uint8_t>* to) {
  if (field.kind == FieldKind::kMessage) {
    for (const RowField& one : field.fields) {
      uint64_t number;
      if (!NumberOf(block, row, one, &number)) return false;
      if (number == 0) continue;
      AppendUvarint(to, one.number);
      const size_t length = to->size();
      to->push_back(0);
      AppendUvarint(to, number);
      (*to)[length] = static_cast<uint8_t>(to->size() - length - 1);
    }
    return true;
  }
  const Column& column = block.columns[field.column];
  const ColumnSpec& spec = plan_.columns[field.column];
  switch (field.kind) {
    case FieldKind::kUint32:
    case FieldKind::kUint64: {
      uint64_t number;
      if (!NumberOf(block, row, field, &number)) return false;
      if (number > 0) AppendUvarint(to, number);
      return true;
    }
    case FieldKind::kOptionalUint64: {
      if (column.nulls[row]) return true;
      uint64_t number;
      std::memcpy(&number, column.fixed + row * 8, 8);
      AppendUvarint(to, number);
      return true;
    }
    case FieldKind::kBool:
      if (column.fixed[row]) to->push_back(1);
      return column.fixed[row] <= 1;
    case FieldKind::kFixed64:
      if (!IsZero(column.fixed + row * 8, 8)) Append(to, column.fixed + row * 8, 8);
      return true;
    case FieldKind::kText:
    case FieldKind::kBytes: {
      if (spec.shape == ColumnShape::kFixed) {
        const uint8_t* at = column.fixed + row * spec.width;
        if (!IsZero(at, spec.width)) Append(to, at, spec.width);
        return true;
      }
      const Text& text = spec.shape == ColumnShape::kWord ? column.WordAt(row) : column.texts[row];
      Append(to, text.at, text.bytes);
      return true;
    }
    case FieldKind::kTexts:
      for (uint64_t i = column.StartOf(row); i < column.EndOf(row); i++) {
        AppendUvarint(to, column.texts[i].bytes);
        Append(to, column.texts[i].at, column.texts[i].bytes);
      }
      return true;
    case FieldKind::kMap:
      entries_.clear();
      for (uint64_t i = column.StartOf(row); i < column.EndOf(row); i++) entries_.push_back({column.keys[i], column.texts[i]});
      std::stable_sort(entries_.begin(), entries_.end(),
                       [](const auto& one, const auto& other) { return Compare(one.first, other.first) < 0; });
      for (const auto& [key, value] : entries_) {
        AppendUvarint(to, key.bytes);
        Append(to, key.at, key.bytes);
        AppendUvarint(to, value.bytes);
        Append(to, value.at, value.bytes);
      }
      return true;
    default:
      return false;
  }
}

const uint8_t* RowLeafWriter::KeptDigest(const Block& block, size_t row, const std::string& name) {
  if (plan_.digests == kNone || all_zero_[plan_.digests]) return nullptr;
  const Column& digests = block.columns[plan_.digests];
  for (uint64_t i = digests.StartOf(row); i < digests.EndOf(row); i++)
    if (digests.keys[i].Is(name)) return digests.texts[i].at;
  return nullptr;
}

/** Only the digest of a payload is bound: SHA-256 of salt, detail, field and value. */
bool RowLeafWriter::WritePayload(const Block& block, size_t row, const RowField& field, uint32_t detail_number) {
  const Column& column = block.columns[field.column];
  const ColumnSpec& spec = plan_.columns[field.column];
  const uint8_t* value;
  size_t bytes;
  if (spec.shape == ColumnShape::kString) {
    // Hashed where it lies: it may be large.
    value = column.texts[row].at;
    bytes = column.texts[row].bytes;
  } else {
    value_.clear();
    if (!AppendValue(block, row, field, &value_)) return false;
    value = value_.data();
    bytes = value_.size();
  }
  if (bytes == 0) {
    const uint8_t* digest = KeptDigest(block, row, field.digest_name);
    if (digest == nullptr) return true;
    kept_used_++;
    AppendField(&canonical_, field.number, digest, kLeafBytes);
    return true;
  }
  has_payload_ = true;
  const size_t start = canonical_.size();
  AppendUvarint(&canonical_, detail_number);
  AppendUvarint(&canonical_, field.number);
  SHA256_CTX hash;
  SHA256_Init(&hash);
  SHA256_Update(&hash, salt_, salt_bytes_);
  SHA256_Update(&hash, canonical_.data() + start, canonical_.size() - start);
  SHA256_Update(&hash, value, bytes);
  canonical_.resize(start);
  AppendUvarint(&canonical_, field.number);
  AppendUvarint(&canonical_, kLeafBytes);
  canonical_.resize(canonical_.size() + kLeafBytes);
  SHA256_Final(canonical_.data() + canonical_.size() - kLeafBytes, &hash);
  return true;
}

}  // namespace sworn
