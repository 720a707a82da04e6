#include "node-actor/spool/disk.h"

#include <cerrno>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tideline::spool {

using model::Error;
using model::ErrorCode;
using model::Result;

namespace {

Error unavailable(const char* action, const std::string& path) {
  return {ErrorCode::kUnavailable, fmt::format("{} {}: {}", action, path, std::strerror(errno))};
}

}  // namespace

Result<File> File::open(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0640);
  if (fd < 0) return unavailable("open", path);
  return File(fd, path);
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::string> File::read_at(std::size_t offset, std::size_t size) const {
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t got = ::pread(fd_, bytes.data() + have, size - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unavailable("read", path_);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

Result<void> File::write_at(std::size_t offset, std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return unavailable("write", path_);
    offset += static_cast<std::size_t>(put);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Result<std::size_t> File::size() const {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) return unavailable("stat", path_);
  return static_cast<std::size_t>(status.st_size);
}

Result<void> File::truncate(std::size_t size) const {
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return unavailable("truncate", path_);
  return {};
}

Result<void> File::sync() const {
  if (::fsync(fd_) != 0) return unavailable("fsync", path_);
  return {};
}

Result<void> make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) return unavailable("make", path);
  return {};
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return unavailable("list", path);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(directory))
    names.emplace_back(entry->d_name);
  ::closedir(directory);
  return names;
}

Result<void> remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return unavailable("remove", path);
  return {};
}

Result<void> replace_file(const std::string& directory, const std::string& name, const std::string& text) {
  const std::string path = directory + "/" + name;
  const std::string fresh = path + ".new";
  auto file = File::open(fresh, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file) return file.error();
  if (auto put = file->write_at(0, text); !put) {
    // What a full disk took of it is room that others may need.
    ::unlink(fresh.c_str());
    return put;
  }
  if (auto synced = file->sync(); !synced) return synced;
  if (::rename(fresh.c_str(), path.c_str()) != 0) return unavailable("rename", fresh);
  auto parent = File::open(directory, O_RDONLY | O_DIRECTORY);
  if (!parent) return parent.error();
  return parent->sync();
}

}  // namespace tideline::spool
