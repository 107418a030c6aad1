/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_ADDON_NOTIFY_H
#define SWORN_ADDON_NOTIFY_H

#include <napi.h>

namespace sworn {

/** Sends `state` to the datagram socket of a service manager (sd_notify(3)); Node has no such sockets. */
Napi::Value Notify(const Napi::CallbackInfo& info);

}  // namespace sworn

#endif
