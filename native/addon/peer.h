/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_ADDON_PEER_H
#define SWORN_ADDON_PEER_H

#include <napi.h>

namespace sworn {

/** Who connected a unix socket, as the kernel saw it then: {pid, uid, gid}. Takes the file descriptor. */
Napi::Value PeerOf(const Napi::CallbackInfo& info);

}  // namespace sworn

#endif
