/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_ADDON_LEAF_H
#define SWORN_ADDON_LEAF_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sworn {

/** As FIELD_KINDS of proto/leaf-table.ts. */
enum class FieldKind : uint32_t { kUint32, kUint64, kOptionalUint64, kFixed64, kBool, kText, kBytes, kTexts, kMap, kMessage };

struct LeafField {
  uint32_t number;
  FieldKind kind;
  bool payload;
  std::vector<LeafField> fields;
};

struct LeafDetail {
  uint32_t number;
  std::vector<LeafField> fields;
};

/** What the leaf of an activity binds, in which order: the tables of docs/RECORD.md. */
struct LeafTable {
  uint32_t version;
  uint32_t agent_id_number;
  uint32_t host_number;
  uint32_t salt_number;
  uint32_t leaf_number;
  /** In rising order; those with numbers above the details' stand behind the detail. */
  std::vector<LeafField> head;
  std::vector<LeafDetail> details;
};

constexpr size_t kLeafBytes = 32;
/** Field numbers of the record are below. */
constexpr uint32_t kNumbersMax = 64;

/**
 * Computes leaves from encoded activities. Knows no field by name: the table says it all. What it does not understand to
 * the last byte it refuses, and the slower way that does is for the caller to take.
 */
class LeafWriter {
 public:
  LeafWriter(LeafTable table, std::string agent_id, std::string host);

  /**
   * The leaf of the activity that is encoded in `bytes` bytes at `at`, which end with a leaf of 32 bytes that does not
   * count. False when it is no such encoding, or holds a text that is not Unicode or has U+FFFD in it: that one may stand
   * for something else.
   */
  bool Write(const uint8_t* at, size_t bytes, uint8_t* leaf);

 private:
  /** One field as it is encoded. */
  struct Part {
    uint32_t number;
    uint32_t wire_type;
    /** Of what has a length; of a fixed64 its eight bytes. */
    const uint8_t* at;
    size_t bytes;
    uint64_t value;
  };

  struct Message {
    /** In the order in which they came. */
    std::vector<Part> parts;
    /** By number: how many parts, and the first of them. */
    uint32_t counts[kNumbersMax];
    uint32_t firsts[kNumbersMax];

    const Part* Find(uint32_t number) const;
  };

  struct Text {
    const uint8_t* at;
    size_t bytes;
  };

  struct Entry {
    Text key;
    Text value;
  };

  bool Read(const uint8_t* at, const uint8_t* end, Message* message);
  /** Fields with numbers from `from` up to before `to`; adds to `known` how many parts of the message they are. */
  bool WriteFields(const std::vector<LeafField>& fields, const Message& message, uint32_t detail_number, uint32_t from,
                   uint32_t to, size_t* known);
  bool WriteField(const LeafField& field, const Message& message);
  bool WritePayload(const LeafField& field, const Message& message, uint32_t detail_number);
  bool AppendMap(const LeafField& field, const Message& message, std::vector<uint8_t>* to);
  bool AppendValue(const LeafField& field, const Message& message, std::vector<uint8_t>* to);

  LeafTable table_;
  std::string agent_id_;
  std::string host_;
  /** 0x00 and the canonical encoding. */
  std::vector<uint8_t> canonical_;
  std::vector<uint8_t> value_;
  Message activity_;
  Message detail_;
  Message inner_;
  std::vector<Entry> entries_;
  const uint8_t* salt_ = nullptr;
  size_t salt_bytes_ = 0;
};

}  // namespace sworn

#endif
