#include "node-actor/guard/boot_record.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "node-actor/guard/mapped_file.h"
#include "node-actor/kernel/fd.h"

namespace tideline::guard {
namespace {

model::Result<void> write_record_synced(const std::string& path, std::string_view bytes) {
  const kernel::Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!fd.open()) return unavailable("open", path);
  while (!bytes.empty()) {
    const auto put = ::write(fd.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return unavailable("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  if (::fsync(fd.get()) != 0) return unavailable("fsync", path);
  return {};
}

}  // namespace

std::optional<nlohmann::json> read_boot_record(const std::string& path, const std::string& boot_id,
                                               std::uintmax_t most) {
  std::error_code problem;
  const auto size = std::filesystem::file_size(path, problem);
  if (problem == std::errc::no_such_file_or_directory) return std::nullopt;
  if (problem) return nlohmann::json();
  if (size > most) return nlohmann::json();
  std::ifstream in(path, std::ios::binary);
  auto document = nlohmann::json::parse(in, nullptr, false);
  if (document.is_object() && document.value("boot_id", nlohmann::json()) != boot_id) return std::nullopt;
  return document;
}

model::Result<void> replace_boot_record(const std::string& path, const std::string& boot_id, const char* what,
                                        nlohmann::json list) {
  const auto text = nlohmann::json{{"boot_id", boot_id}, {what, std::move(list)}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
  const auto fresh = path + ".new";
  if (auto written = write_record_synced(fresh, text); !written) return written;
  if (::rename(fresh.c_str(), path.c_str()) != 0) return unavailable("rename", path);
  const auto directory = std::filesystem::path(path).parent_path().string();
  const kernel::Fd held(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!held.open() || ::fsync(held.get()) != 0) return unavailable("fsync", directory);
  return {};
}

}  // namespace tideline::guard
