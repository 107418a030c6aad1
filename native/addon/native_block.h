/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_ADDON_NATIVE_BLOCK_H
#define SWORN_ADDON_NATIVE_BLOCK_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace sworn {

/** As COLUMN_SHAPES of cli/audit/row-plan.ts: what the bytes of a column look like. */
enum class ColumnShape : uint32_t {
  kString,
  kWord,
  kFixed,
  kNullableUint64,
  kTexts,
  kWordTextMap,
  kWordFixedMap,
};

struct ColumnSpec {
  std::string name;
  /** As ClickHouse writes it. */
  std::string type;
  ColumnShape shape;
  /** Of a fixed value, or of the fixed values of a map. */
  uint32_t width;
};

struct Text {
  const uint8_t* at;
  size_t bytes;

  bool Is(const std::string& text) const {
    return bytes == text.size() && (bytes == 0 || std::memcmp(at, text.data(), bytes) == 0);
  }
};

/** A column of one block: views into the answer. */
struct Column {
  /** Values of fixed width, or the values behind a map of nulls. */
  const uint8_t* fixed = nullptr;
  /** One byte a row, 1 where there is no value. */
  const uint8_t* nulls = nullptr;
  /** Of strings one a row; of words one a word. */
  std::vector<Text> texts;
  /** Which word, a row each. */
  const uint8_t* indexes = nullptr;
  uint32_t index_bytes = 0;
  /** Of lists: where the entries of each row end, 8 bytes a row. */
  const uint8_t* ends = nullptr;
  /** Entries of lists: texts in `texts`, keys here. */
  std::vector<Text> keys;

  uint64_t IndexAt(size_t row) const {
    if (index_bytes == 1) return indexes[row];
    uint64_t index = 0;
    std::memcpy(&index, indexes + row * index_bytes, index_bytes);
    return index;
  }
  const Text& WordAt(size_t row) const { return texts[IndexAt(row)]; }
  uint64_t EndOf(size_t row) const {
    uint64_t end;
    std::memcpy(&end, ends + row * 8, 8);
    return end;
  }
  uint64_t StartOf(size_t row) const { return row == 0 ? 0 : EndOf(row - 1); }
};

/**
 * One block of ClickHouse's Native format, without copying: number of columns, number of rows, and of each column its name,
 * type and values.
 *
 * Keeps    views into the bytes it was read from
 * Source   ClickHouse documentation, "Native" format; protocol revision 0, so no extra headers and no sparse columns
 */
class Block {
 public:
  size_t rows = 0;
  std::vector<Column> columns;

  /**
   * Advances `at` past the block. `asked` has a byte a column, 0 for those that were not asked for and must not be there, or
   * is nullptr. nullptr, or what is wrong; the block is not to be used then.
   */
  const char* Read(const uint8_t** at, const uint8_t* end, const std::vector<ColumnSpec>& specs, const uint8_t* asked);
};

/** Unsigned LEB128; false for what does not end in time. */
bool ReadUvarint(const uint8_t** at, const uint8_t* end, uint64_t* value);

}  // namespace sworn

#endif
