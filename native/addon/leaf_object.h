/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_ADDON_LEAF_OBJECT_H
#define SWORN_ADDON_LEAF_OBJECT_H

#include <napi.h>

#include <memory>

#include "leaf.h"

namespace sworn {

/** LeafWriter as a JavaScript class; described in agent/source/ebpf/addon.ts. */
class LeafObject : public Napi::ObjectWrap<LeafObject> {
 public:
  static Napi::Function Define(Napi::Env env);

  explicit LeafObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value WriteInto(const Napi::CallbackInfo& info);
  void Chain(const Napi::CallbackInfo& info);

  std::unique_ptr<LeafWriter> writer_;
};

}  // namespace sworn

#endif
