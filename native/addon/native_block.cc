// SPDX-License-Identifier: Apache-2.0

#include "native_block.h"

namespace sworn {

namespace {

/** What ClickHouse puts into one block is far below; what is above is no answer of it. */
constexpr uint64_t kRowsMax = 1 << 22;
constexpr uint64_t kEntriesMax = 1 << 26;

constexpr uint64_t kWordsVersion = 1;
/** Bits of the header of words: which integer the places are, and whether the words stand in the block itself. */
constexpr uint64_t kIndexTypeBits = 0xff;
constexpr uint64_t kHasGlobalWords = 1 << 8;
constexpr uint64_t kHasOwnWords = 1 << 9;

const uint8_t kNothing[1] = {};

template <typename Index>
bool AllBelow(const uint8_t* at, uint64_t count, uint64_t bound) {
  Index highest = 0;
  for (uint64_t i = 0; i < count; i++) {
    Index index;
    std::memcpy(&index, at + i * sizeof(Index), sizeof(Index));
    highest = index > highest ? index : highest;
  }
  return highest < bound;
}

class Cursor {
 public:
  Cursor(const uint8_t* at, const uint8_t* end) : at_(at), end_(end) {}

  const uint8_t* at() const { return at_; }

  bool Uvarint(uint64_t* value) { return ReadUvarint(&at_, end_, value); }

  bool Uint64(uint64_t* value) {
    const uint8_t* from;
    if (!Take(8, &from)) return false;
    std::memcpy(value, from, 8);
    return true;
  }

  bool Take(uint64_t bytes, const uint8_t** from) {
    if (bytes > static_cast<uint64_t>(end_ - at_)) return false;
    *from = at_;
    at_ += bytes;
    return true;
  }

  /** `count` times `width` bytes. */
  bool TakeEach(uint64_t count, uint64_t width, const uint8_t** from) {
    return count <= kEntriesMax && width <= 64 && Take(count * width, from);
  }

  bool String(Text* text) {
    uint64_t bytes;
    if (!Uvarint(&bytes) || bytes > static_cast<uint64_t>(end_ - at_)) return false;
    *text = {bytes == 0 ? kNothing : at_, static_cast<size_t>(bytes)};
    at_ += bytes;
    return true;
  }

  /** Each takes at least one byte, so the bytes bound the memory. */
  bool Strings(uint64_t count, std::vector<Text>* texts) {
    texts->clear();
    if (count > static_cast<uint64_t>(end_ - at_)) return false;
    texts->resize(count);
    for (uint64_t i = 0; i < count; i++)
      if (!String(&(*texts)[i])) return false;
    return true;
  }

  /** LowCardinality(String): the words, and a place among them for each value. */
  bool Words(uint64_t count, std::vector<Text>* words, const uint8_t** indexes, uint32_t* index_bytes) {
    words->clear();
    *index_bytes = 1;
    *indexes = kNothing;
    if (count == 0) return true;
    uint64_t header, word_count, index_count;
    if (!Uint64(&header) || (header & kHasGlobalWords) || !(header & kHasOwnWords)) return false;
    if ((header & kIndexTypeBits) > 3) return false;
    *index_bytes = 1u << (header & kIndexTypeBits);
    if (!Uint64(&word_count) || !Strings(word_count, words)) return false;
    if (!Uint64(&index_count) || index_count != count || !TakeEach(count, *index_bytes, indexes)) return false;
    switch (*index_bytes) {
      case 1:
        return AllBelow<uint8_t>(*indexes, count, word_count);
      case 2:
        return AllBelow<uint16_t>(*indexes, count, word_count);
      case 4:
        return AllBelow<uint32_t>(*indexes, count, word_count);
      default:
        return AllBelow<uint64_t>(*indexes, count, word_count);
    }
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

/** Ends of lists rise, and the last is how many entries there are. */
bool ReadEnds(Cursor* cursor, size_t rows, Column* column, uint64_t* entries) {
  if (!cursor->TakeEach(rows, 8, &column->ends)) return false;
  uint64_t before = 0;
  for (size_t row = 0; row < rows; row++) {
    const uint64_t end = column->EndOf(row);
    if (end < before) return false;
    before = end;
  }
  *entries = before;
  return before <= kEntriesMax;
}

bool ReadColumn(Cursor* cursor, const ColumnSpec& spec, size_t rows, Column* column) {
  uint64_t version, entries;
  switch (spec.shape) {
    case ColumnShape::kString:
      return cursor->Strings(rows, &column->texts);
    case ColumnShape::kFixed:
      return cursor->TakeEach(rows, spec.width, &column->fixed);
    case ColumnShape::kNullableUint64:
      return cursor->TakeEach(rows, 1, &column->nulls) && cursor->TakeEach(rows, 8, &column->fixed);
    case ColumnShape::kWord:
      return cursor->Uint64(&version) && version == kWordsVersion &&
             cursor->Words(rows, &column->texts, &column->indexes, &column->index_bytes);
    case ColumnShape::kTexts:
      return ReadEnds(cursor, rows, column, &entries) && cursor->Strings(entries, &column->texts);
    case ColumnShape::kWordTextMap:
    case ColumnShape::kWordFixedMap: {
      std::vector<Text> words;
      const uint8_t* indexes;
      uint32_t index_bytes;
      if (!cursor->Uint64(&version) || version != kWordsVersion || !ReadEnds(cursor, rows, column, &entries)) return false;
      if (!cursor->Words(entries, &words, &indexes, &index_bytes)) return false;
      column->keys.resize(entries);
      for (uint64_t i = 0; i < entries; i++) {
        uint64_t index = 0;
        std::memcpy(&index, indexes + i * index_bytes, index_bytes);
        column->keys[i] = words[index];
      }
      if (spec.shape == ColumnShape::kWordTextMap) return cursor->Strings(entries, &column->texts);
      if (!cursor->TakeEach(entries, spec.width, &column->fixed)) return false;
      column->texts.clear();
      for (uint64_t i = 0; i < entries; i++) column->texts.push_back({column->fixed + i * spec.width, spec.width});
      return true;
    }
  }
  return false;
}

}  // namespace

bool ReadUvarint(const uint8_t** at, const uint8_t* end, uint64_t* value) {
  *value = 0;
  for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
    const uint8_t byte = *(*at)++;
    *value |= static_cast<uint64_t>(byte & 127) << shift;
    if (byte < 128) return shift < 63 || byte < 2;
  }
  return false;
}

const char* Block::Read(const uint8_t** at, const uint8_t* end, const std::vector<ColumnSpec>& specs, const uint8_t* asked) {
  Cursor cursor(*at, end);
  uint64_t column_count, row_count;
  if (!cursor.Uvarint(&column_count) || !cursor.Uvarint(&row_count)) return "a block ends in its head";
  if (column_count == 0 && row_count == 0) {
    rows = 0;
    *at = cursor.at();
    return nullptr;
  }
  size_t expected = specs.size();
  if (asked != nullptr) {
    expected = 0;
    for (size_t i = 0; i < specs.size(); i++) expected += asked[i] != 0;
  }
  if (column_count != expected) return "a block has another number of columns than was asked for";
  if (row_count > kRowsMax) return "a block has too many rows";
  rows = static_cast<size_t>(row_count);
  columns.resize(specs.size());
  for (size_t i = 0; i < specs.size(); i++) {
    if (asked != nullptr && asked[i] == 0) continue;
    Text name, type;
    if (!cursor.String(&name) || !cursor.String(&type)) return "a block ends in the name of a column";
    if (!name.Is(specs[i].name)) return "a column has another name than was asked for";
    if (!type.Is(specs[i].type)) return "a column is of another type than the record has";
    // Of no rows there are no values, and no head of words either.
    if (rows > 0 && !ReadColumn(&cursor, specs[i], rows, &columns[i])) return "a column is not whole";
  }
  *at = cursor.at();
  return nullptr;
}

}  // namespace sworn
