// SPDX-License-Identifier: Apache-2.0

#include "notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace sworn {

Napi::Value Notify(const Napi::CallbackInfo& info) {
  if (!info[0].IsString() || !info[1].IsString())
    throw Napi::TypeError::New(info.Env(), "address and state must be strings");
  std::string address = info[0].As<Napi::String>().Utf8Value();
  std::string state = info[1].As<Napi::String>().Utf8Value();
  sockaddr_un to = {};
  to.sun_family = AF_UNIX;
  if (address.empty() || address.size() >= sizeof(to.sun_path))
    throw Napi::RangeError::New(info.Env(), "the address has no length that a unix socket's has");
  std::memcpy(to.sun_path, address.data(), address.size());
  // systemd writes an abstract name with an @ in front.
  if (to.sun_path[0] == '@') to.sun_path[0] = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ssize_t sent = -1;
  if (fd >= 0) {
    auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
    sent = sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&to), bytes);
    close(fd);
  }
  return Napi::Boolean::New(info.Env(), sent == static_cast<ssize_t>(state.size()));
}

}  // namespace sworn
