#include "node-actor/spool/marks.h"

#include <cstring>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>

#include "messages/model/crc32.h"

namespace tideline::spool {

using model::Result;

namespace {

constexpr const char* kStateFormat = "tideline-spool 1";
constexpr std::size_t kMaxStateBytes = 4096;

std::string state_text(const State& state) {
  return fmt::format("{} {} {} {}", kStateFormat, state.incarnation, state.clean ? "clean" : "open",
                     state.boot_id.empty() ? "-" : state.boot_id);
}

struct HeadBytes {
  std::uint64_t turn = 0;
  Head head;
  std::uint64_t crc = 0;
};
static_assert(sizeof(HeadBytes) == 56);

Result<void> write_over(const std::string& path, const std::string& text) {
  const auto file = File::open(path, O_WRONLY);
  if (!file) return file.error();
  if (auto put = file->write_at(0, text); !put) return put;
  if (auto cut = file->truncate(text.size()); !cut) return cut;
  return file->sync();
}

std::uint64_t crc_of(const HeadBytes& bytes) {
  char raw[sizeof(HeadBytes)];
  std::memcpy(raw, &bytes, sizeof raw);
  return model::crc32({raw, offsetof(HeadBytes, crc)});
}

}  // namespace

std::optional<State> read_state(const std::string& dir) {
  const auto file = File::open(dir + "/state", O_RDONLY);
  if (!file) return std::nullopt;
  const auto text = file->read_at(0, kMaxStateBytes);
  if (!text) return std::nullopt;
  const auto end = text->rfind(' ');
  if (end == std::string::npos || !text->ends_with('\n')) return std::nullopt;
  const auto body = text->substr(0, end);
  if (text->substr(end + 1) != fmt::format("{:08x}\n", model::crc32(body))) return std::nullopt;
  std::istringstream in(body);
  std::string name;
  std::string version;
  std::string clean;
  State state;
  if (!(in >> name >> version >> state.incarnation >> clean >> state.boot_id)) return std::nullopt;
  if (name + " " + version != kStateFormat || state.incarnation == 0) return std::nullopt;
  state.clean = clean == "clean";
  if (state.boot_id == "-") state.boot_id.clear();
  return state;
}

Result<void> write_state(const std::string& dir, const State& state) {
  const auto body = state_text(state);
  const auto text = fmt::format("{} {:08x}\n", body, model::crc32(body));
  auto replaced = replace_file(dir, "state", text);
  return replaced || write_over(dir + "/state", text) ? Result<void>() : replaced;
}

Result<HeadFile> HeadFile::open(const std::string& dir) {
  auto file = File::open(dir + "/head", O_RDWR | O_CREAT);
  if (!file) return file.error();
  HeadFile head(std::move(*file));
  const auto bytes = head.file_.read_at(0, 2 * sizeof(HeadBytes));
  if (!bytes) return bytes.error();
  for (std::size_t place = 0; place < 2; ++place) {
    HeadBytes candidate;
    if (bytes->size() < (place + 1) * sizeof candidate) break;
    std::memcpy(&candidate, bytes->data() + place * sizeof candidate, sizeof candidate);
    if (candidate.crc != crc_of(candidate) || candidate.turn % 2 != place) continue;
    if (!head.found_ || candidate.turn > head.turn_) {
      head.found_ = candidate.head;
      head.turn_ = candidate.turn;
    }
  }
  return head;
}

Result<void> HeadFile::write(const Head& head) {
  HeadBytes bytes{.turn = turn_ + 1, .head = head, .crc = 0};
  bytes.crc = crc_of(bytes);
  char raw[sizeof bytes];
  std::memcpy(raw, &bytes, sizeof raw);
  auto put = file_.write_at(bytes.turn % 2 * sizeof raw, {raw, sizeof raw});
  if (put) ++turn_;
  return put;
}

}  // namespace tideline::spool
