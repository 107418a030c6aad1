// SPDX-License-Identifier: Apache-2.0

#include "peer.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "arguments.h"

// Linux 6.5; the headers that it is built with may be older.
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

namespace sworn {

namespace {

int FdOf(const Napi::CallbackInfo& info) {
  return static_cast<int>(Uint32Of(info, 0, "fd", INT32_MAX));
}

}  // namespace

Napi::Value PeerOf(const Napi::CallbackInfo& info) {
  ucred peer = {};
  socklen_t bytes = sizeof(peer);
  if (getsockopt(FdOf(info), SOL_SOCKET, SO_PEERCRED, &peer, &bytes))
    ThrowErrno(info.Env(), -errno, "the peer of the socket cannot be told");
  auto object = Napi::Object::New(info.Env());
  object.Set("pid", peer.pid);
  object.Set("uid", peer.uid);
  object.Set("gid", peer.gid);
  return object;
}

Napi::Value PeerPidfdOf(const Napi::CallbackInfo& info) {
  int pidfd = -1;
  socklen_t bytes = sizeof(pidfd);
  if (!getsockopt(FdOf(info), SOL_SOCKET, SO_PEERPIDFD, &pidfd, &bytes)) return Napi::Number::New(info.Env(), pidfd);
  if (errno == ENOPROTOOPT) return info.Env().Undefined();
  ThrowErrno(info.Env(), -errno, "the peer of the socket cannot be held");
}

Napi::Value IsPidfdAlive(const Napi::CallbackInfo& info) {
  pollfd poll_of = {FdOf(info), POLLIN, 0};
  int ready = poll(&poll_of, 1, 0);
  if (ready < 0 || (poll_of.revents & POLLNVAL))
    ThrowErrno(info.Env(), ready < 0 ? -errno : -EBADF, "it cannot be told whether the process lives");
  // It can be read from once the process has ended.
  return Napi::Boolean::New(info.Env(), ready == 0);
}

}  // namespace sworn
