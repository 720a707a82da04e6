#include "coordinator/ledger_recorder/pieces.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace tideline::ledger_recorder {
namespace {

using model::Result;

constexpr std::string_view kPrefix = "ledger-";
constexpr std::string_view kSuffix = ".rec";
constexpr std::size_t kLifeDigits = 12;
constexpr std::size_t kPieceDigits = 6;

bool is_number(std::string_view text, std::size_t at_least) {
  return text.size() >= at_least && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

model::Error unavailable(std::string_view path, std::string_view why) {
  return {model::ErrorCode::kUnavailable, fmt::format("{}: {}", path, why)};
}

}  // namespace

std::string piece_name(model::Epoch life, std::uint64_t piece) {
  return fmt::format("{}{:0{}}-{:0{}}{}", kPrefix, life.value(), kLifeDigits, piece, kPieceDigits, kSuffix);
}

bool is_piece_name(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return false;
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(std::min(kSuffix.size(), name.size()));
  const auto dash = name.find('-');
  return dash != std::string_view::npos && is_number(name.substr(0, dash), kLifeDigits) &&
         is_number(name.substr(dash + 1), kPieceDigits);
}

Result<std::vector<Piece>> pieces_in(const std::string& directory) {
  std::vector<Piece> pieces;
  std::error_code problem;
  for (std::filesystem::directory_iterator it(directory, problem), end; !problem && it != end; it.increment(problem)) {
    if (!is_piece_name(it->path().filename().string())) continue;
    std::error_code gone;
    const auto bytes = it->file_size(gone);
    if (!gone) pieces.push_back({it->path().string(), bytes});
  }
  if (problem) return unavailable(directory, problem.message());
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.path < b.path; });
  return pieces;
}

Result<void> make_room(const std::string& directory, std::uint64_t more, std::uint64_t most) {
  const auto pieces = pieces_in(directory);
  if (!pieces) return pieces.error();
  std::uint64_t all = more;
  for (const Piece& piece : *pieces)
    all += piece.bytes;
  for (const Piece& piece : *pieces) {
    if (all <= most) break;
    std::error_code problem;
    std::filesystem::remove(piece.path, problem);
    if (problem) return unavailable(piece.path, problem.message());
    all -= piece.bytes;
  }
  return {};
}

Result<PieceFile> PieceFile::create(const std::string& path) {
  PieceFile file;
  file.fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (file.fd_ < 0) return unavailable(path, std::strerror(errno));
  file.path_ = path;
  return Result<PieceFile>(std::move(file));
}

PieceFile::PieceFile(PieceFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), bytes_(other.bytes_) {}

PieceFile& PieceFile::operator=(PieceFile&& other) noexcept {
  if (this == &other) return *this;
  close();
  fd_ = std::exchange(other.fd_, -1);
  path_ = std::move(other.path_);
  bytes_ = other.bytes_;
  return *this;
}

Result<void> PieceFile::append(std::string_view more) {
  while (!more.empty()) {
    const ssize_t wrote = ::write(fd_, more.data(), more.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return unavailable(path_, wrote < 0 ? std::strerror(errno) : "nothing could be written");
    more.remove_prefix(static_cast<std::size_t>(wrote));
    bytes_ += static_cast<std::uint64_t>(wrote);
  }
  return {};
}

void PieceFile::discard() {
  close();
  if (!path_.empty()) ::unlink(std::exchange(path_, {}).c_str());
}

void PieceFile::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace tideline::ledger_recorder
