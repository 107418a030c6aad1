/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_ADDON_MEMORY_H
#define SWORN_ADDON_MEMORY_H

#include <napi.h>

namespace sworn {

/** From here on no core dump has the memory of this process, and none but root may read or trace it. */
void ProtectMemory(const Napi::CallbackInfo& info);

}  // namespace sworn

#endif
