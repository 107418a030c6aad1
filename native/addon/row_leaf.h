/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_ADDON_ROW_LEAF_H
#define SWORN_ADDON_ROW_LEAF_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "leaf.h"
#include "native_block.h"

namespace sworn {

/** Which column of a row holds which field of an activity. */
struct RowField {
  uint32_t number;
  FieldKind kind;
  bool payload;
  /** Place of the column in the answer; of a message nothing. */
  uint32_t column;
  /** Place of the list of words whose places are the numbers of an enum, or kNone. */
  uint32_t words;
  /** `command.statement`: how a kept digest of it is called. */
  std::string digest_name;
  std::vector<RowField> fields;
};

struct RowDetail {
  uint32_t number;
  /** As the column `kind` has it. */
  std::string name;
  std::vector<RowField> fields;
  /** Columns of other kinds: zero in a row of this one, since its leaf says nothing of them. */
  std::vector<uint32_t> foreign;
};

constexpr uint32_t kNone = UINT32_MAX;

struct RowPlan {
  uint32_t version;
  uint32_t agent_id_number;
  uint32_t host_number;
  std::vector<ColumnSpec> columns;
  /** Places of columns; the last two may be kNone. */
  uint32_t agent_id, host, seq, kind, salt, leaf, digests, erasure;
  std::vector<std::vector<std::string>> words;
  std::vector<RowField> head;
  std::vector<RowDetail> details;
};

/** What is said of a row, in bits. */
enum RowState : uint8_t {
  kPresent = 1,
  /** The leaf that stands in the row is the one that comes out of it. */
  kSame = 2,
  /** It says something that no leaf binds: a column of another kind, a digest of no field. */
  kForeign = 4,
  /** Digests stand in place of its payload. */
  kErased = 8,
  /** It names a tombstone. */
  kTombstone = 16,
  /** It has payload, salt or both. */
  kPayload = 32,
};

/** A row whose number was there already. */
struct Doubled {
  uint64_t seq;
  uint8_t state;
  uint8_t computed[kLeafBytes];
  uint8_t stored[kLeafBytes];
};

/** Where the rows of a page go: by their number, whatever order they come in. */
struct RowPage {
  uint64_t first;
  size_t count;
  /** `count` times 32 bytes. */
  uint8_t* computed;
  uint8_t* stored;
  uint8_t* states;
  size_t rows;
  std::vector<Doubled> doubled;
};

/** More rows with a number that is there already end a page: they are an attack, not a record. */
constexpr size_t kDoubledMax = 100000;

/**
 * Computes leaves from rows in ClickHouse's Native format. Knows no field by name: the plan says it all. Never reads
 * beyond the bytes; what is not as the plan has it ends the page with a reason.
 */
class RowLeafWriter {
 public:
  explicit RowLeafWriter(RowPlan plan);

  /**
   * nullptr, or what is wrong with the answer. `asked` is nullptr, or has a byte a column: 0 for those that were not asked
   * for, which count as zero in all rows.
   */
  const char* Read(const uint8_t* at, size_t bytes, const uint8_t* asked, RowPage* page);

  size_t columns() const { return plan_.columns.size(); }
  /** What no row is read without. */
  bool IsNeeded(size_t column) const;

 private:
  const char* ReadRow(const Block& block, size_t row, RowPage* page);
  void Prepare(const Block& block, const uint8_t* asked);
  bool WriteLeaf(const Block& block, size_t row, size_t detail, uint8_t* leaf, uint8_t* state);
  bool WriteFields(const Block& block, size_t row, const std::vector<const RowField*>& fields, uint32_t from, uint32_t to,
                   uint32_t detail_number);
  bool IsLeftOut(const RowField& field) const;
  void KeepFilled(const std::vector<RowField>& fields, std::vector<const RowField*>* filled) const;
  bool WriteField(const Block& block, size_t row, const RowField& field);
  bool WritePayload(const Block& block, size_t row, const RowField& field, uint32_t detail_number);
  bool AppendValue(const Block& block, size_t row, const RowField& field, std::vector<uint8_t>* to);
  bool NumberOf(const Block& block, size_t row, const RowField& field, uint64_t* number);
  const uint8_t* KeptDigest(const Block& block, size_t row, const std::string& name);
  bool HasForeign(const Block& block, size_t row, size_t detail) const;

  RowPlan plan_;
  Block block_;
  /** Of this block: which columns are zero in all rows. */
  std::vector<uint8_t> all_zero_;
  /** Of this block: by word of the column `kind`, which detail, or kNone; and by detail, foreign columns that are not zero. */
  std::vector<uint32_t> detail_of_kind_;
  std::vector<std::vector<uint32_t>> foreign_;
  /** Of this block: fields that some row has, of the head and by detail. */
  std::vector<const RowField*> head_filled_;
  std::vector<std::vector<const RowField*>> filled_;
  /** Of this block, by list of words and column: the number of each word of the column, kNoNumber for one that has none. */
  std::vector<std::vector<uint64_t>> numbers_;
  std::vector<uint8_t> canonical_;
  std::vector<uint8_t> value_;
  std::vector<std::pair<Text, Text>> entries_;
  const uint8_t* salt_ = nullptr;
  size_t salt_bytes_ = 0;
  size_t kept_used_ = 0;
  bool has_payload_ = false;
};

}  // namespace sworn

#endif
