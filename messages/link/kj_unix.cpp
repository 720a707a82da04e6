#include "messages/link/kj_unix.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "messages/link/kj_accept.h"
#include "messages/link/kj_rpc.h"
#include "messages/log/log.h"

namespace tideline::link {
namespace {

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

model::Error failed(const std::string& path, const char* what) {
  const int why = errno;
  const auto code =
      why == EACCES || why == EPERM ? model::ErrorCode::kPermissionDenied : model::ErrorCode::kUnavailable;
  return {code, fmt::format("admin socket {}: {}: {}", path, what, std::strerror(why))};
}

model::Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.front() != '/' || path.size() >= sizeof address.sun_path) {
    return model::Error(
        model::ErrorCode::kInvalidArgument,
        fmt::format("admin socket '{}': want an absolute path of at most {} bytes", path, sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

model::Result<void> prepare_directory(const UnixSocketConfig& config) {
  const std::string directory = std::filesystem::path(config.path).parent_path().string();
  const bool made = ::mkdir(directory.c_str(), 0750) == 0;
  if (!made && errno != EEXIST) return failed(config.path, "making its directory");
  if (made && config.group && ::chown(directory.c_str(), static_cast<uid_t>(-1), *config.group) != 0) {
    return failed(config.path, "giving its directory to the group");
  }
  struct stat info {};
  if (::stat(directory.c_str(), &info) != 0) return failed(config.path, "looking at its directory");
  if (!S_ISDIR(info.st_mode)) {
    return model::Error(model::ErrorCode::kInvalidArgument,
                        fmt::format("admin socket {}: {} is not a directory", config.path, directory));
  }
  if ((info.st_mode & S_IWOTH) != 0) {
    return model::Error(model::ErrorCode::kPermissionDenied,
                        fmt::format("admin socket {}: {} is writable for others (mode {:o}); want 0750", config.path,
                                    directory, info.st_mode & 07777u));
  }
  // Another's, who may have his reasons; the socket itself is 0660 all the same.
  const bool others_may_pass = (info.st_mode & 0027) != 0;
  const bool is_anothers = config.group && info.st_gid != *config.group;
  if (others_may_pass || is_anothers) {
    log::warn("admin-socket-directory", "{}: mode {:o} and group {}; want 0750{}", directory, info.st_mode & 07777u,
              info.st_gid, config.group ? fmt::format(" and group {}", *config.group) : "");
  }
  return {};
}

/// Removes what a dead server left; never what a live one uses.
model::Result<void> clear_stale(const std::string& path, const sockaddr_un& address) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return failed(path, "looking at it");
  }
  if (!S_ISSOCK(info.st_mode)) {
    return model::Error(model::ErrorCode::kInvalidArgument,
                        fmt::format("admin socket {}: something that is not a socket is there", path));
  }
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (probe.get() < 0) return failed(path, "socket");
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN) {
    return model::Error(model::ErrorCode::kUnavailable,
                        fmt::format("admin socket {}: another process listens on it", path));
  }
  if (errno != ECONNREFUSED) return failed(path, "asking whether it is in use");
  if (::unlink(path.c_str()) != 0) return failed(path, "removing the stale one");
  return {};
}

model::Result<UnixPeer> peer_of(int fd) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
    return model::Error(model::ErrorCode::kInternal, fmt::format("SO_PEERCRED: {}", std::strerror(errno)));
  }
  UnixPeer peer{.uid = credentials.uid, .gid = credentials.gid, .pid = credentials.pid, .groups = {}};
  std::vector<gid_t> groups(64);
  length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  int rc = ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length);
  if (rc != 0 && errno == ERANGE) {
    groups.resize(length / sizeof(gid_t));
    rc = ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length);
  }
  // A kernel without it leaves the primary group to decide.
  if (rc == 0) peer.groups.assign(groups.begin(), groups.begin() + static_cast<long>(length / sizeof(gid_t)));
  return peer;
}

class UnixListenerImpl final : public UnixListener {
 public:
  UnixListenerImpl(KjContext& context, UnixSocketConfig config, int fd, Accepted accepted)
      : config_(std::move(config)),
        accepted_(kj::mv(accepted)),
        loop_(context, fd, config_.path, [this](kj::Own<kj::AsyncIoStream> stream) { take(kj::mv(stream)); }) {}
  ~UnixListenerImpl() noexcept(false) override { ::unlink(config_.path.c_str()); }

 private:
  void take(kj::Own<kj::AsyncIoStream> stream) {
    if (open_.count() >= config_.max_connections) return;
    auto peer = peer_of(fd_of(*stream));
    if (!peer) {
      log::warn("admin-socket-peer-unknown", "{}: {}", config_.path, peer.error().message());
      return;
    }
    accepted_(UnixStream{open_.counted(kj::mv(stream)), *std::move(peer)});
  }

  const UnixSocketConfig config_;
  Accepted accepted_;
  OpenCount open_;
  AcceptLoop loop_;
};

}  // namespace

std::optional<std::uint32_t> group_id(const std::string& name) {
  std::vector<char> buffer(16 * 1024);
  group entry{};
  group* found = nullptr;
  if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return std::nullopt;
  }
  return found->gr_gid;
}

model::Result<kj::Own<UnixListener>> UnixListener::listen(KjContext& context, const UnixSocketConfig& config,
                                                          Accepted accepted) {
  const auto address = address_of(config.path);
  if (!address) return address.error();
  if (auto ready = prepare_directory(config); !ready) return ready.error();
  if (auto clear = clear_stale(config.path, *address); !clear) return clear.error();
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return failed(config.path, "socket");
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return failed(config.path, "bind");
  }
  // Nobody can connect before listen, so the mode is right before the first peer.
  const auto give_up = [&](const char* what) {
    auto why = failed(config.path, what);
    ::unlink(config.path.c_str());
    return why;
  };
  if (config.group && ::chown(config.path.c_str(), static_cast<uid_t>(-1), *config.group) != 0) return give_up("chown");
  if (::chmod(config.path.c_str(), 0660) != 0) return give_up("chmod 0660");
  if (::listen(fd.get(), 64) != 0) return give_up("listen");
  kj::Own<UnixListener> listener = kj::heap<UnixListenerImpl>(context, config, fd.release(), kj::mv(accepted));
  return listener;
}

kj::Promise<kj::Own<kj::AsyncIoStream>> connect_unix(KjContext& context, const std::string& path) {
  const auto address = address_of(path);
  if (!address) return to_exception(address.error());
  return kj::evalNow([&]() {
           auto target = context.network.getSockaddr(&*address, sizeof *address);
           auto promise = target->connect();
           return promise.attach(kj::mv(target));
         })
      .catch_([path](kj::Exception&& exception) -> kj::Promise<kj::Own<kj::AsyncIoStream>> {
        return to_exception(model::Error(model::ErrorCode::kUnavailable, error_from(exception).message()).in(path));
      });
}

}  // namespace tideline::link
