#include "storage/series/pieces.h"

#include <cstdint>

#include <fmt/format.h>

#include "storage/columns/cursor.h"
#include "storage/columns/varint.h"

namespace tideline::series {
namespace {

constexpr std::string_view kPiecesMagic = "TDP";
constexpr std::uint8_t kPiecesVersion = 1;
constexpr std::size_t kPieceLengthBytes = 4;

model::Error bad_pieces(std::string_view why) {
  return {model::ErrorCode::kMalformed, fmt::format("pieces: {}", why)};
}

}  // namespace

bool is_in_pieces(std::string_view value) {
  return value.starts_with(kPiecesMagic);
}

model::Result<std::vector<std::string_view>> pieces_of(std::string_view value) {
  if (!is_in_pieces(value)) return std::vector<std::string_view>{value};
  columns::Cursor in(value.substr(kPiecesMagic.size()));
  const std::uint8_t version = in.byte();
  if (!in.ok() || version == 0) return bad_pieces("they have no version");
  if (version > kPiecesVersion) {
    return model::Error(model::ErrorCode::kUnsupported,
                        fmt::format("pieces: they have version {}, this build reads up to {}",
                                    static_cast<int>(version), static_cast<int>(kPiecesVersion)));
  }
  std::vector<std::string_view> pieces;
  while (!in.rest().empty()) {
    if (pieces.size() == kMaxPieces) return bad_pieces(fmt::format("more than {}", kMaxPieces));
    const auto piece = in.text(in.fixed(kPieceLengthBytes));
    if (!in.ok()) return bad_pieces(fmt::format("the last, behind {}, is cut short", pieces.size()));
    pieces.push_back(piece);
  }
  if (pieces.empty()) return bad_pieces("there are none");
  return pieces;
}

std::string joined_pieces(const std::vector<std::string_view>& pieces) {
  if (pieces.size() == 1) return std::string(pieces.front());
  std::size_t size = kPiecesMagic.size() + 1;
  for (const std::string_view piece : pieces)
    size += kPieceLengthBytes + piece.size();
  std::string value;
  value.reserve(size);
  value.append(kPiecesMagic);
  value.push_back(static_cast<char>(kPiecesVersion));
  for (const std::string_view piece : pieces) {
    columns::put_fixed(value, piece.size(), kPieceLengthBytes);
    value.append(piece);
  }
  return value;
}

}  // namespace tideline::series
