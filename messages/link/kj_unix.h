#pragma once
// The admin Unix socket: who is at the other end is what the kernel says. For edge rooms that speak through KJ; use on
// the loop's thread only.

#include <cstdint>
#include <optional>
#include <string>

#include <kj/async-io.h>
#include <kj/function.h>

#include "messages/link/identity.h"
#include "messages/link/kj_thread.h"
#include "messages/model/result.h"

namespace tideline::link {

struct UnixStream {
  kj::Own<kj::AsyncIoStream> stream;
  UnixPeer peer;
};

struct UnixSocketConfig {
  std::string path;                    // its directory is made 0750 with this group if it is missing
  std::optional<std::uint32_t> group;  // owner group of socket (0660) and directory; nullopt = left as they are
  std::size_t max_connections = 64;    // beyond it, connections are closed at once
};

/// gid of a group by name; nullopt = no such group here.
std::optional<std::uint32_t> group_id(const std::string& name);

class UnixListener {
 public:
  using Accepted = kj::Function<void(UnixStream)>;
  /// Removes the socket file.
  virtual ~UnixListener() noexcept(false) = default;

  /// A socket file that nobody listens on is replaced; kUnavailable when somebody does, or when directory or socket
  /// cannot be made. A path whose directory is writable for others is kPermissionDenied; one that was there and is more
  /// open than 0750, or another group's, is logged.
  static model::Result<kj::Own<UnixListener>> listen(KjContext& context, const UnixSocketConfig& config,
                                                     Accepted accepted);
};

/// Fails with a kj::Exception that names the path.
kj::Promise<kj::Own<kj::AsyncIoStream>> connect_unix(KjContext& context, const std::string& path);

}  // namespace tideline::link
