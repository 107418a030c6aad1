// SPDX-License-Identifier: Apache-2.0

#include "leaf.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace sworn {

namespace {

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2 };

constexpr size_t kSaltBytes = 16;
/** A buffer that one large activity made is not kept for ever. */
constexpr size_t kKeptBytesMax = 1 << 20;
constexpr size_t kUvarintBytesMax = 10;
constexpr uint8_t kNothing[1] = {};

void AppendUvarint(std::vector<uint8_t>* to, uint64_t value) {
  while (value > 127) {
    to->push_back(static_cast<uint8_t>(value) | 128);
    value >>= 7;
  }
  to->push_back(static_cast<uint8_t>(value));
}

void Append(std::vector<uint8_t>* to, const uint8_t* at, size_t bytes) { to->insert(to->end(), at, at + bytes); }

/** Minimal or not; false for what does not end in time. */
bool ReadUvarint(const uint8_t** at, const uint8_t* end, uint64_t* value) {
  *value = 0;
  for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
    uint8_t byte = *(*at)++;
    *value |= static_cast<uint64_t>(byte & 127) << shift;
    if (byte < 128) return shift < 63 || byte < 2;
  }
  return false;
}

/** UTF-8 as the Unicode standard has it (table 3-7), without U+FFFD. */
bool IsPlainText(const uint8_t* at, size_t bytes) {
  const uint8_t* end = at + bytes;
  while (at < end) {
    uint64_t eight;
    if (end - at >= 8) {
      std::memcpy(&eight, at, 8);
      if (!(eight & 0x8080808080808080ULL)) {
        at += 8;
        continue;
      }
    }
    uint8_t first = *at;
    if (first < 0x80) {
      at++;
      continue;
    }
    size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || static_cast<size_t>(end - at) <= more) return false;
    uint8_t second = at[1];
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) return false;
    for (size_t i = 2; i <= more; i++)
      if ((at[i] & 0xc0) != 0x80) return false;
    if (first == 0xef && second == 0xbf && at[2] == 0xbd) return false;
    at += more + 1;
  }
  return true;
}

}  // namespace

const LeafWriter::Part* LeafWriter::Message::Find(uint32_t number) const {
  return number < kNumbersMax && counts[number] > 0 ? &parts[firsts[number]] : nullptr;
}

LeafWriter::LeafWriter(LeafTable table, std::string agent_id, std::string host)
    : table_(std::move(table)), agent_id_(std::move(agent_id)), host_(std::move(host)) {}

bool LeafWriter::Read(const uint8_t* at, const uint8_t* end, Message* message) {
  message->parts.clear();
  std::memset(message->counts, 0, sizeof(message->counts));
  while (at < end) {
    uint64_t tag;
    Part part = {};
    if (!ReadUvarint(&at, end, &tag) || tag >> 3 >= kNumbersMax) return false;
    part.number = static_cast<uint32_t>(tag >> 3);
    part.wire_type = static_cast<uint32_t>(tag & 7);
    if (part.wire_type == kVarint) {
      if (!ReadUvarint(&at, end, &part.value)) return false;
    } else if (part.wire_type == kFixed64) {
      if (end - at < 8) return false;
      part.at = at;
      part.bytes = 8;
      at += 8;
    } else if (part.wire_type == kLengthDelimited) {
      uint64_t bytes;
      if (!ReadUvarint(&at, end, &bytes) || bytes > static_cast<uint64_t>(end - at)) return false;
      part.at = at;
      part.bytes = static_cast<size_t>(bytes);
      at += bytes;
    } else {
      return false;
    }
    if (message->counts[part.number]++ == 0) message->firsts[part.number] = static_cast<uint32_t>(message->parts.size());
    message->parts.push_back(part);
  }
  return true;
}

/** Entries by their keys' bytes. */
bool LeafWriter::AppendMap(const LeafField& field, const Message& message, std::vector<uint8_t>* to) {
  entries_.clear();
  for (const Part& one : message.parts) {
    if (one.number != field.number) continue;
    if (one.wire_type != kLengthDelimited || !Read(one.at, one.at + one.bytes, &inner_)) return false;
    Entry entry = {{kNothing, 0}, {kNothing, 0}};
    for (const Part& side : inner_.parts) {
      if (side.number < 1 || side.number > 2 || side.wire_type != kLengthDelimited || !IsPlainText(side.at, side.bytes))
        return false;
      (side.number == 1 ? entry.key : entry.value) = {side.at, side.bytes};
    }
    entries_.push_back(entry);
  }
  auto compare = [](const Entry& one, const Entry& other) {
    int order = std::memcmp(one.key.at, other.key.at, std::min(one.key.bytes, other.key.bytes));
    return order != 0 ? order : one.key.bytes < other.key.bytes ? -1 : one.key.bytes > other.key.bytes;
  };
  std::sort(entries_.begin(), entries_.end(),
            [&](const Entry& one, const Entry& other) { return compare(one, other) < 0; });
  for (size_t i = 0; i < entries_.size(); i++) {
    if (i > 0 && compare(entries_[i], entries_[i - 1]) == 0) return false;
    for (const Text& text : {entries_[i].key, entries_[i].value}) {
      AppendUvarint(to, text.bytes);
      Append(to, text.at, text.bytes);
    }
  }
  return true;
}

/** The value without a length, appended; nothing for one that is left out. */
bool LeafWriter::AppendValue(const LeafField& field, const Message& message, std::vector<uint8_t>* to) {
  const Part* part = message.Find(field.number);
  if (part == nullptr) return true;
  switch (field.kind) {
    case FieldKind::kUint32:
      if (part->wire_type != kVarint || part->value > UINT32_MAX) return false;
      if (part->value) AppendUvarint(to, part->value);
      return true;
    case FieldKind::kUint64:
      if (part->wire_type != kVarint) return false;
      if (part->value) AppendUvarint(to, part->value);
      return true;
    case FieldKind::kOptionalUint64:
      if (part->wire_type != kVarint) return false;
      AppendUvarint(to, part->value);
      return true;
    case FieldKind::kBool:
      if (part->wire_type != kVarint || part->value > 1) return false;
      if (part->value) to->push_back(1);
      return true;
    case FieldKind::kFixed64: {
      static const uint8_t kZero[8] = {};
      if (part->wire_type != kFixed64) return false;
      if (std::memcmp(part->at, kZero, 8) != 0) Append(to, part->at, 8);
      return true;
    }
    case FieldKind::kText:
      if (part->wire_type != kLengthDelimited || !IsPlainText(part->at, part->bytes)) return false;
      Append(to, part->at, part->bytes);
      return true;
    case FieldKind::kBytes:
      if (part->wire_type != kLengthDelimited) return false;
      Append(to, part->at, part->bytes);
      return true;
    case FieldKind::kTexts:
      for (const Part& one : message.parts) {
        if (one.number != field.number) continue;
        if (one.wire_type != kLengthDelimited || !IsPlainText(one.at, one.bytes)) return false;
        AppendUvarint(to, one.bytes);
        Append(to, one.at, one.bytes);
      }
      return true;
    case FieldKind::kMap:
      return AppendMap(field, message, to);
    case FieldKind::kMessage: {
      if (part->wire_type != kLengthDelimited || !Read(part->at, part->at + part->bytes, &inner_)) return false;
      // One level is all that there is: its fields are numbers, each with its own length.
      for (const LeafField& one : field.fields) {
        uint8_t room[kUvarintBytesMax];
        std::vector<uint8_t> value;
        if (one.kind != FieldKind::kUint64 || !AppendValue(one, inner_, &value) || value.size() > sizeof(room)) return false;
        if (value.empty()) continue;
        AppendUvarint(to, one.number);
        AppendUvarint(to, value.size());
        Append(to, value.data(), value.size());
      }
      return true;
    }
  }
  return false;
}

bool LeafWriter::WriteField(const LeafField& field, const Message& message) {
  value_.clear();
  if (!AppendValue(field, message, &value_)) return false;
  if (value_.empty()) return true;
  AppendUvarint(&canonical_, field.number);
  AppendUvarint(&canonical_, value_.size());
  Append(&canonical_, value_.data(), value_.size());
  return true;
}

/** Only the digest of a payload is bound: SHA-256 of salt, detail, field and value. */
bool LeafWriter::WritePayload(const LeafField& field, const Message& message, uint32_t detail_number) {
  const Part* part = message.Find(field.number);
  if (part == nullptr) return true;
  const uint8_t* value = nullptr;
  size_t bytes = 0;
  if (field.kind == FieldKind::kText || field.kind == FieldKind::kBytes) {
    // Hashed where it lies: it may be large.
    if (part->wire_type != kLengthDelimited) return false;
    if (field.kind == FieldKind::kText && !IsPlainText(part->at, part->bytes)) return false;
    value = part->at;
    bytes = part->bytes;
  } else {
    value_.clear();
    if (!AppendValue(field, message, &value_)) return false;
    value = value_.data();
    bytes = value_.size();
  }
  if (bytes == 0) return true;
  SHA256_CTX hash;
  SHA256_Init(&hash);
  SHA256_Update(&hash, salt_, salt_bytes_);
  const size_t start = canonical_.size();
  AppendUvarint(&canonical_, detail_number);
  AppendUvarint(&canonical_, field.number);
  SHA256_Update(&hash, canonical_.data() + start, canonical_.size() - start);
  canonical_.resize(start);
  SHA256_Update(&hash, value, bytes);
  AppendUvarint(&canonical_, field.number);
  AppendUvarint(&canonical_, kLeafBytes);
  canonical_.resize(canonical_.size() + kLeafBytes);
  SHA256_Final(canonical_.data() + canonical_.size() - kLeafBytes, &hash);
  return true;
}

bool LeafWriter::WriteFields(const std::vector<LeafField>& fields, const Message& message, uint32_t detail_number,
                             uint32_t from, uint32_t to, size_t* known) {
  for (const LeafField& field : fields) {
    if (field.number < from || field.number >= to) continue;
    const uint32_t count = message.counts[field.number];
    if (count > 1 && field.kind != FieldKind::kTexts && field.kind != FieldKind::kMap) return false;
    *known += count;
    if (count == 0) continue;
    if (field.payload ? !WritePayload(field, message, detail_number) : !WriteField(field, message)) return false;
  }
  return true;
}

bool LeafWriter::Write(const uint8_t* at, size_t bytes, uint8_t* leaf) {
  if (!Read(at, at + bytes, &activity_) || activity_.parts.size() < 3) return false;
  const Part& last = activity_.parts.back();
  if (last.number != table_.leaf_number || last.wire_type != kLengthDelimited || last.bytes != kLeafBytes) return false;
  const Part& salt = activity_.parts[activity_.parts.size() - 2];
  if (salt.number != table_.salt_number || salt.wire_type != kLengthDelimited || salt.bytes != kSaltBytes) return false;
  salt_ = salt.at;
  salt_bytes_ = salt.bytes;
  const LeafDetail* kind = nullptr;
  for (const LeafDetail& one : table_.details) {
    if (activity_.counts[one.number] == 0) continue;
    if (kind != nullptr || activity_.counts[one.number] > 1) return false;
    kind = &one;
  }
  if (kind == nullptr) return false;
  const Part* detail = activity_.Find(kind->number);
  if (detail->wire_type != kLengthDelimited || !Read(detail->at, detail->at + detail->bytes, &detail_)) return false;

  if (canonical_.capacity() > kKeptBytesMax) std::vector<uint8_t>().swap(canonical_);
  if (value_.capacity() > kKeptBytesMax) std::vector<uint8_t>().swap(value_);
  canonical_.clear();
  canonical_.push_back(0);
  AppendUvarint(&canonical_, table_.version);
  size_t known = 0;
  if (!WriteFields(table_.head, activity_, 0, 0, kind->number, &known)) return false;
  AppendUvarint(&canonical_, kind->number);
  const size_t start = canonical_.size();
  size_t known_inside = 0;
  if (!WriteFields(kind->fields, detail_, kind->number, 0, kNumbersMax, &known_inside)) return false;
  // Its length stands before it, and is known only now.
  value_.clear();
  AppendUvarint(&value_, canonical_.size() - start);
  canonical_.insert(canonical_.begin() + static_cast<ptrdiff_t>(start), value_.begin(), value_.end());
  if (!WriteFields(table_.head, activity_, 0, kind->number, kNumbersMax, &known)) return false;
  // A field that the table does not have would not be bound by the leaf: all there may be besides are detail, salt and leaf.
  if (known + 3 != activity_.parts.size() || known_inside != detail_.parts.size()) return false;
  for (const auto& [number, text] : {std::pair{table_.agent_id_number, &agent_id_}, std::pair{table_.host_number, &host_}}) {
    if (text->empty()) continue;
    AppendUvarint(&canonical_, number);
    AppendUvarint(&canonical_, text->size());
    Append(&canonical_, reinterpret_cast<const uint8_t*>(text->data()), text->size());
  }
  SHA256(canonical_.data(), canonical_.size(), leaf);
  return true;
}

}  // namespace sworn
