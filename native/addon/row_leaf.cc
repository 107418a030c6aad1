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
/** Above any number of an enum. */
constexpr uint64_t kNoNumber = UINT64_MAX;

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

bool RowLeafWriter::IsNeeded(size_t column) const {
  const uint32_t needed[] = {plan_.agent_id, plan_.host, plan_.seq, plan_.kind, plan_.salt, plan_.leaf, plan_.digests, plan_.erasure};
  return std::find(std::begin(needed), std::end(needed), column) != std::end(needed);
}

/** What is the same for all rows of a block is looked at once. */
void RowLeafWriter::Prepare(const Block& block, const uint8_t* asked) {
  all_zero_.resize(plan_.columns.size());
  for (size_t i = 0; i < plan_.columns.size(); i++) {
    const bool is_there = asked == nullptr || asked[i] != 0;
    all_zero_[i] = !is_there || IsAllZero(block.columns[i], plan_.columns[i], block.rows);
  }
  const std::vector<Text>& kinds = block.columns[plan_.kind].texts;
  detail_of_kind_.assign(kinds.size(), kNone);
  foreign_.resize(plan_.details.size());
  for (size_t i = 0; i < plan_.details.size(); i++) {
    const RowDetail& detail = plan_.details[i];
    for (size_t word = 0; word < kinds.size(); word++)
      if (kinds[word].Is(detail.name)) detail_of_kind_[word] = static_cast<uint32_t>(i);
    foreign_[i].clear();
    for (const uint32_t column : detail.foreign)
      if (!all_zero_[column]) foreign_[i].push_back(column);
  }
  filled_.resize(plan_.details.size());
  for (size_t i = 0; i < plan_.details.size(); i++) KeepFilled(plan_.details[i].fields, &filled_[i]);
  KeepFilled(plan_.head, &head_filled_);
  numbers_.resize(plan_.words.size() * plan_.columns.size());
  for (std::vector<uint64_t>& one : numbers_) one.clear();
}

/** In all rows of the block. */
bool RowLeafWriter::IsLeftOut(const RowField& field) const {
  if (field.kind == FieldKind::kMessage)
    return std::all_of(field.fields.begin(), field.fields.end(), [this](const RowField& one) { return IsLeftOut(one); });
  // A digest may stand in the place of a payload.
  if (field.payload && plan_.digests != kNone && !all_zero_[plan_.digests]) return false;
  return all_zero_[field.column];
}

void RowLeafWriter::KeepFilled(const std::vector<RowField>& fields, std::vector<const RowField*>* filled) const {
  filled->clear();
  for (const RowField& field : fields)
    if (!IsLeftOut(field)) filled->push_back(&field);
}

const char* RowLeafWriter::Read(const uint8_t* at, size_t bytes, const uint8_t* asked, RowPage* page) {
  const uint8_t* end = at + bytes;
  while (at < end) {
    if (const char* wrong = block_.Read(&at, end, plan_.columns, asked)) return wrong;
    if (block_.rows == 0) continue;
    Prepare(block_, asked);
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
  const uint32_t which = detail_of_kind_[block.columns[plan_.kind].IndexAt(row)];
  const uint8_t* stored = block.columns[plan_.leaf].fixed + row * kLeafBytes;
  if (which != kNone && WriteLeaf(block, row, which, leaf, &state)) {
    if (std::memcmp(leaf, stored, kLeafBytes) == 0) state |= kSame;
  } else {
    std::memset(leaf, 0, kLeafBytes);
  }
  if (which != kNone && HasForeign(block, row, which)) state |= kForeign;
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

bool RowLeafWriter::HasForeign(const Block& block, size_t row, size_t detail) const {
  for (const uint32_t column : foreign_[detail])
    if (!IsZeroAt(block.columns[column], plan_.columns[column], row)) return true;
  return false;
}

bool RowLeafWriter::WriteLeaf(const Block& block, size_t row, size_t which, uint8_t* leaf, uint8_t* state) {
  const uint32_t detail_number = plan_.details[which].number;
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
  if (!WriteFields(block, row, head_filled_, 0, detail_number, 0)) return false;
  AppendUvarint(&canonical_, detail_number);
  const size_t start = canonical_.size();
  if (!WriteFields(block, row, filled_[which], 0, kNumbersMax, detail_number)) return false;
  // Its length stands before it, and is known only now.
  value_.clear();
  AppendUvarint(&value_, canonical_.size() - start);
  canonical_.insert(canonical_.begin() + static_cast<ptrdiff_t>(start), value_.begin(), value_.end());
  if (!WriteFields(block, row, head_filled_, detail_number, kNumbersMax, 0)) return false;
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

bool RowLeafWriter::WriteFields(const Block& block, size_t row, const std::vector<const RowField*>& fields, uint32_t from,
                                uint32_t to, uint32_t detail_number) {
  for (const RowField* one : fields) {
    const RowField& field = *one;
    if (field.number < from || field.number >= to) continue;
    if (field.payload ? !WritePayload(block, row, field, detail_number) : !WriteField(block, row, field)) return false;
  }
  return true;
}

bool RowLeafWriter::WriteField(const Block& block, size_t row, const RowField& field) {
  if (field.kind != FieldKind::kMessage && all_zero_[field.column]) return true;
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

/** The number of an enum by its word; kNoNumber for a word that is none. */
static uint64_t NumberOfWord(const Text& text, const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size(); i++)
    if (text.Is(words[i])) return i;
  // A number that a collector did not know keeps its digits: unknown_7.
  static const std::string kUnknown = "unknown_";
  if (text.bytes <= kUnknown.size() || text.bytes > kUnknown.size() + 10) return kNoNumber;
  if (std::memcmp(text.at, kUnknown.data(), kUnknown.size()) != 0) return kNoNumber;
  uint64_t number = 0;
  for (size_t i = kUnknown.size(); i < text.bytes; i++) {
    if (text.at[i] < '0' || text.at[i] > '9') return kNoNumber;
    number = number * 10 + (text.at[i] - '0');
  }
  return number >= words.size() && number <= UINT32_MAX ? number : kNoNumber;
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
  std::vector<uint64_t>& numbers = numbers_[field.words * plan_.columns.size() + field.column];
  if (numbers.empty())
    for (const Text& text : column.texts) numbers.push_back(NumberOfWord(text, plan_.words[field.words]));
  *number = numbers[column.IndexAt(row)];
  return *number != kNoNumber;
}

/** The value without a length, appended; nothing for one that is left out. */
bool RowLeafWriter::AppendValue(const Block& block, size_t row, const RowField& field, std::vector<uint8_t>* to) {
  if (field.kind == FieldKind::kMessage) {
    for (const RowField& one : field.fields) {
      if (all_zero_[one.column]) continue;
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
  const uint8_t* value = nullptr;
  size_t bytes = 0;
  if (all_zero_[field.column]) {
    if (plan_.digests == kNone || all_zero_[plan_.digests]) return true;
  } else if (spec.shape == ColumnShape::kString) {
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
