// SPDX-License-Identifier: Apache-2.0

#include "peer.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace sworn {

Napi::Value PeerOf(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber()) throw Napi::TypeError::New(info.Env(), "fd must be a number");
  ucred peer = {};
  socklen_t bytes = sizeof(peer);
  if (getsockopt(info[0].As<Napi::Number>().Int32Value(), SOL_SOCKET, SO_PEERCRED, &peer, &bytes))
    throw Napi::Error::New(info.Env(), std::string("the peer of the socket cannot be told: ") + std::strerror(errno));
  auto object = Napi::Object::New(info.Env());
  object.Set("pid", peer.pid);
  object.Set("uid", peer.uid);
  object.Set("gid", peer.gid);
  return object;
}

}  // namespace sworn
