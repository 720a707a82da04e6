#include "node-actor/kernel/writer.h"

#include <array>
#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/parse.h"

namespace tideline::kernel {

using model::Error;
using model::ErrorCode;
using model::Result;

namespace {

enum class Pieces { kOne, kMany };

Result<std::string> read_whole(int fd, const std::string& path, Pieces pieces, std::size_t most = kMostFileBytes) {
  std::string text;
  std::array<char, 4096> buffer;
  while (text.size() <= most) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return error_from(errno, "read", path);
    text.append(buffer.data(), static_cast<std::size_t>(got));
    const bool is_all = got == 0 || (pieces == Pieces::kOne && static_cast<std::size_t>(got) < buffer.size());
    if (!is_all) continue;
    if (text.size() > most) break;
    if (text.ends_with('\n')) text.pop_back();
    return text;
  }
  return Error(ErrorCode::kMalformed, fmt::format("{}: longer than {} bytes", path, most));
}

Result<std::string> open_and_read(const std::string& path, Pieces pieces, std::size_t most = kMostFileBytes) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.open()) return error_from(errno, "open", path);
  return read_whole(fd.get(), path, pieces, most);
}

Result<std::string> read_at(int directory, const std::string& name, const std::string& path) {
  const Fd fd(::openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.open()) return error_from(errno, "open", path);
  return read_whole(fd.get(), path, Pieces::kOne);
}

/// What a write(2) that failed says. The file was open for writing: EACCES is v1's answer to CPUs that the group above
/// does not have (kernel/cgroup/cpuset-v1.c), not one about permissions.
Error refusal(int error, std::string_view action, const std::string& path) {
  const auto plain = error_from(error, action, path);
  return error == EACCES ? Error(ErrorCode::kInvalidArgument, plain.message()) : plain;
}

Result<void> write_at(int directory, const std::string& name, const std::string& path, const std::string& value) {
  const std::string action = fmt::format("write '{}' to", value);
  const Fd fd(::openat(directory, name.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!fd.open()) return error_from(errno, action, path);
  // No bytes are no write: the kernel takes an empty line for the empty set.
  const std::string_view bytes = value.empty() ? std::string_view("\n") : std::string_view(value);
  ssize_t put = 0;
  do {
    put = ::write(fd.get(), bytes.data(), bytes.size());
  } while (put < 0 && errno == EINTR);
  if (put < 0) return refusal(errno, action, path);
  if (static_cast<std::size_t>(put) != bytes.size()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} {}: only {} of {} bytes taken", action, path, put, bytes.size()));
  }
  return {};
}

/// A missing file in a group that is there is a knob this kernel lacks; in a group that went meanwhile it is not.
Error missing_knob(const Error& error, const std::string& directory) {
  if (error.code() != ErrorCode::kNotFound || ::access(directory.c_str(), F_OK) != 0) return error;
  return {ErrorCode::kUnsupported, error.message()};
}

}  // namespace

Writer::Writer(const CgroupTree& tree, WriteGate& gate) : tree_(tree), gate_(gate) {}

struct Writer::Passed {
  Directory group;
  PreparedWrite write;
};

Result<Writer::Passed> Writer::pass(const model::KernelWrite& asked) {
  const auto directory = tree_.directory(asked.group, asked.file);
  if (!directory) return directory.error();
  const std::string path = *directory + "/" + asked.file;
  auto write = asked;
  write.value = writable_value(path, asked.value);
  auto held = open_directory(*directory);
  if (!held) return held.error().in(fmt::format("write '{}' to {}", write.value, path));

  auto current = read_at(held->fd.get(), write.file, path);
  if (!current) return missing_knob(current.error(), *directory).in(fmt::format("before writing '{}'", write.value));
  Passed passed;
  passed.group = std::move(*held);
  passed.write = {.file = {.path = path, .device = passed.group.device, .inode = passed.group.inode},
                  .old_value = std::move(*current),
                  .value = write.value,
                  .changes = false};
  if (passed.write.old_value == passed.write.value) return passed;

  if (auto allowed = gate_.before_write(passed.write.file, passed.write.old_value, write); !allowed) {
    return allowed.error();
  }
  passed.write.changes = true;
  return passed;
}

Result<WriteOutcome> Writer::perform(const model::KernelWrite& asked) {
  auto passed = pass(asked);
  if (!passed) return passed.error();
  auto& write = passed->write;
  if (write.changes) {
    auto written = write_at(passed->group.fd.get(), asked.file, write.file.path, write.value);
    if (!written) return written.error();
  }
  return WriteOutcome{.old_value = std::move(write.old_value), .changed = write.changes};
}

Result<PreparedWrite> Writer::prepare(const model::KernelWrite& asked) {
  auto passed = pass(asked);
  if (!passed) return passed.error();
  return std::move(passed->write);
}

std::string writable_value(const std::string& path, const std::string& value) {
  const std::filesystem::path file(path);
  if (!value.empty() || file.filename() != "cpuset.cpus") return value;
  const auto events = read_file((file.parent_path() / "cgroup.events").string());
  if (!events || parse_keyed(*events, "populated") != 1) return value;
  const auto parents = read_file((file.parent_path().parent_path() / "cpuset.cpus.effective").string());
  return parents ? *parents : value;
}

Result<std::string> read_file(const std::string& path, std::size_t most_bytes) {
  return open_and_read(path, Pieces::kMany, most_bytes);
}

Result<std::string> read_value(const std::string& path) {
  return open_and_read(path, Pieces::kOne);
}

Result<void> write_identified(const FileIdentity& file, const std::string& value) {
  const std::filesystem::path path(file.path);
  const auto held = open_directory(path.parent_path().string());
  if (!held) return held.error().in(fmt::format("write '{}' to {}", value, file.path));
  if (held->device != file.device || held->inode != file.inode) {
    return Error(ErrorCode::kNotFound, fmt::format("write '{}' to {}: the group was made again (inode {}, was {})",
                                                   value, file.path, held->inode, file.inode));
  }
  return write_at(held->fd.get(), path.filename().string(), file.path, value);
}

}  // namespace tideline::kernel
