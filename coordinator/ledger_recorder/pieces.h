#pragma once
// The files of recordings in their directory: ledger-LIFE-PIECE.rec, so that their names stand in the order in which
// they were written.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/policy.h"
#include "messages/model/result.h"

namespace tideline::ledger_recorder {

struct Piece {
  std::string path;
  std::uint64_t bytes = 0;
};

std::string piece_name(model::Epoch life, std::uint64_t piece);
bool is_piece_name(std::string_view name);

/// Oldest first; other files are nobody's business. kUnavailable names the directory.
model::Result<std::vector<Piece>> pieces_in(const std::string& directory);
/// Removes the oldest until all of them, and `more` bytes, fit into `most`. What cannot be removed is an error.
model::Result<void> make_room(const std::string& directory, std::uint64_t more, std::uint64_t most);

/// A file that is appended to. Moved from: closed.
class PieceFile {
 public:
  PieceFile() = default;
  /// Makes a new one, with mode 0640: kUnavailable names the path.
  static model::Result<PieceFile> create(const std::string& path);
  ~PieceFile() { close(); }
  PieceFile(PieceFile&& other) noexcept;
  PieceFile& operator=(PieceFile&& other) noexcept;
  PieceFile(const PieceFile&) = delete;
  PieceFile& operator=(const PieceFile&) = delete;

  bool is_open() const { return fd_ >= 0; }
  std::uint64_t bytes() const { return bytes_; }
  /// All of it, or an error that names the path; then the file may end anywhere in it.
  model::Result<void> append(std::string_view more);
  void close();
  /// Closes and removes it.
  void discard();

 private:
  int fd_ = -1;
  std::string path_;
  std::uint64_t bytes_ = 0;
};

}  // namespace tideline::ledger_recorder
