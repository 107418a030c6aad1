/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_ADDON_ROW_LEAF_OBJECT_H
#define SWORN_ADDON_ROW_LEAF_OBJECT_H

#include <napi.h>

#include <memory>

#include "row_leaf.h"

namespace sworn {

/** RowLeafWriter as a JavaScript class; described in agent/source/ebpf/addon.ts. */
class RowLeafObject : public Napi::ObjectWrap<RowLeafObject> {
 public:
  static Napi::Function Define(Napi::Env env);

  explicit RowLeafObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value Read(const Napi::CallbackInfo& info);

  std::unique_ptr<RowLeafWriter> writer_;
};

/** growTree(size, subtrees, leaves): the right edge of a Merkle tree with more leaves on it; addon.ts. */
Napi::Value GrowTree(const Napi::CallbackInfo& info);

}  // namespace sworn

#endif
