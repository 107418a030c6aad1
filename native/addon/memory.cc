// SPDX-License-Identifier: Apache-2.0

#include "memory.h"

#include <sys/prctl.h>

#include <cerrno>

#include "arguments.h"

namespace sworn {

void ProtectMemory(const Napi::CallbackInfo& info) {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)) ThrowErrno(info.Env(), -errno, "the memory of the agent could not be protected");
}

}  // namespace sworn
