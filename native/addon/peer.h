/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_ADDON_PEER_H
#define SWORN_ADDON_PEER_H

#include <napi.h>

namespace sworn {

/** Who connected a unix socket, as the kernel saw it then: {pid, uid, gid}. Takes the file descriptor. */
Napi::Value PeerOf(const Napi::CallbackInfo& info);
/** A descriptor of that process (SO_PEERPIDFD), undefined on kernels without it. Takes the file descriptor. */
Napi::Value PeerPidfdOf(const Napi::CallbackInfo& info);
/** Whether the process of such a descriptor has not ended yet. */
Napi::Value IsPidfdAlive(const Napi::CallbackInfo& info);

}  // namespace sworn

#endif
