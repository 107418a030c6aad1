/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_ADDON_TREE_H
#define SWORN_ADDON_TREE_H

#include <napi.h>

namespace sworn {

/** The Merkle tree over delivered leaves goes on; described in agent/source/ebpf/addon.ts. */
Napi::Value AppendLeaves(const Napi::CallbackInfo& info);

}  // namespace sworn

#endif
