#include <algorithm>
#include <charconv>
#include <limits>
#include <random>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>

#include "node-actor/spool/spool_impl.h"

namespace tideline::spool {

using frames::ScannedFrame;
using model::Error;
using model::Result;

namespace {

constexpr std::string_view kSegmentPrefix = "seg-";
/// A disk that takes less has no room for a report either.
constexpr std::size_t kRoomBytes = 64U << 10;

std::string segment_name(std::uint64_t first) {
  return fmt::format("{}{:020}", kSegmentPrefix, first);
}

std::uint64_t draw_incarnation(std::uint64_t last) {
  std::random_device device;
  std::uniform_int_distribution<std::uint64_t> any(1, std::numeric_limits<std::uint64_t>::max());
  for (;;) {
    const auto drawn = any(device);
    if (drawn != last) return drawn;
  }
}

}  // namespace

Result<void> Spool::Impl::load_segments(std::vector<ScannedFrame>& frames, std::vector<std::uint64_t>& owners) {
  const auto names = list_directory(dir);
  if (!names) return names.error();
  std::vector<std::uint64_t> firsts;
  for (const auto& name : *names) {
    if (!name.starts_with(kSegmentPrefix)) continue;
    std::uint64_t first = 0;
    const auto* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + kSegmentPrefix.size(), end, first);
    if (parsed.ec != std::errc{} || parsed.ptr != end || segment_name(first) != name) {
      note(fmt::format("{}/{}: not a segment's name, left alone", dir, name));
      continue;
    }
    firsts.push_back(first);
  }
  std::sort(firsts.begin(), firsts.end());
  for (const auto first : firsts) {
    auto file = File::open(dir + "/" + segment_name(first), O_RDWR);
    if (!file) return file.error();
    const auto size = file->size();
    if (!size) return size.error();
    const auto content = file->read_at(0, std::min(*size, std::max(limits.max_bytes, SpoolLimits{}.max_bytes)));
    if (!content) return content.error();
    const auto scan = frames::scan(*content);
    if (scan.rotten > 0) note(fmt::format("{}: {} reports with a wrong CRC", file->path(), scan.rotten));
    if (scan.good_bytes != *size) {
      note(fmt::format("{}: {} after byte {}, cut there", file->path(),
                       scan.torn ? "ends within a report" : "unreadable", scan.good_bytes));
      if (auto cut = file->truncate(scan.good_bytes); !cut) return cut.error();
    }
    for (const auto& frame : scan.frames) {
      frames.push_back(frame);
      owners.push_back(first);
    }
    bytes += scan.good_bytes;
    segments.push_back({first, std::move(*file), scan.good_bytes});
  }
  return {};
}

void Spool::Impl::adopt(const Head& head, const std::vector<ScannedFrame>& frames,
                        const std::vector<std::uint64_t>& owners) {
  next = head.next;
  gap = head.gap;
  std::uint64_t last = head.first - 1;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto& frame = frames[i];
    if (frame.incarnation != state.incarnation || frame.seq <= last) continue;
    last = frame.seq;
    // Killed between frame and head: this report has carried the gap already.
    if (frame.seq >= head.next) gap -= std::min(gap, frame.gap);
    entries.push_back({frame.seq, frame.gap, owners[i], frame.offset, frame.bytes, Fate::kHeld});
  }
  unacked = entries.size();
  next = std::max(next, last + 1);
  const std::uint64_t missing = next - head.first - entries.size();
  if (missing > head.known_lost) {
    const auto lost = missing - head.known_lost;
    gap += lost;
    dropped += lost;
    note(fmt::format("{}: {} reports are lost", dir, lost));
  }
}

std::uint64_t Spool::Impl::drop_left(const std::optional<Head>& head, const std::vector<ScannedFrame>& frames) {
  std::uint64_t held = 0;
  if (head) gap += head->gap;
  for (const auto& frame : frames) {
    // A head of another incarnation than the frames was written by an open that counted them and got no further.
    if (head && (frame.incarnation != head->incarnation || frame.seq < head->first)) continue;
    gap += frame.gap;
    ++held;
  }
  if (head && head->next > head->first) held = std::max(held, head->next - head->first - head->known_lost);
  gap += held;
  dropped += held;
  while (!segments.empty())
    doom_oldest_segment();
  return held;
}

void Spool::Impl::start_incarnation(const std::string& why, const std::optional<Head>& head,
                                    const std::vector<ScannedFrame>& frames) {
  const auto held = drop_left(head, frames);
  const auto last = state.incarnation;
  state.incarnation = draw_incarnation(last);
  new_incarnation = true;
  if (last != 0 || head || !frames.empty()) {
    note(fmt::format("{}: new incarnation, {}; {} reports dropped", dir, why, held));
  }
}

void Spool::Impl::set_limits(const SpoolLimits& asked) {
  limits = asked;
  limits.segment_bytes =
      std::clamp<std::size_t>(limits.segment_bytes, 1, std::max<std::size_t>(limits.max_bytes / 4, 1));
}

Result<void> Spool::Impl::load(const std::string& boot_id) {
  if (auto made = make_directory(dir); !made) return made;
  auto opened = HeadFile::open(dir);
  if (!opened) return opened.error();
  head_file = std::move(*opened);
  std::vector<ScannedFrame> frames;
  std::vector<std::uint64_t> owners;
  if (auto loaded = load_segments(frames, owners); !loaded) return loaded;

  const auto found = read_state(dir);
  const auto& head = head_file->found();
  state = found.value_or(State{});
  const bool same_boot = !boot_id.empty() && state.boot_id == boot_id;
  std::string why;
  if (!found) {
    why = "there is no readable state";
  } else if (!head || head->incarnation != state.incarnation || head->first == 0 || head->first > head->next) {
    why = "its head is unreadable";
  } else if (!state.clean && !same_boot) {
    why = "the host went down with it open";
  }
  if (why.empty()) {
    adopt(*head, frames, owners);
  } else {
    start_incarnation(why, head, frames);
  }
  enforce_limits();
  // The head before the state: it carries the gap, and under a state that is not its own it only leads to yet another
  // incarnation.
  if (auto put = commit(); !put) return put;
  if (auto synced = head_file->sync(); !synced) return synced;
  state.boot_id = boot_id;
  state.clean = false;
  // After a killed process a full disk has to take nothing here.
  return state == found ? Result<void>() : write_state(dir, state);
}

Result<void> Spool::Impl::attach() {
  // Before a whole spool is read for nothing.
  if (auto made = make_directory(dir); !made) return made;
  const auto room = replace_file(dir, "room", std::string(kRoomBytes, '\0'));
  if (const auto removed = remove_file(dir + "/room"); !room || !removed) return room ? removed : room;
  auto taken = take_over();
  if (taken) return taken;
  // What is there is looked at anew next time.
  on_disk = false;
  head_file.reset();
  segments.clear();
  doomed.clear();
  bytes = 0;
  return taken;
}

Result<void> Spool::Impl::take_over() {
  auto opened = HeadFile::open(dir);
  if (!opened) return opened.error();
  head_file = std::move(*opened);
  std::vector<ScannedFrame> frames;
  std::vector<std::uint64_t> owners;
  if (auto loaded = load_segments(frames, owners); !loaded) return loaded;
  const auto& found = head_file->found();
  const auto gap_before = gap;
  const auto dropped_before = dropped;
  // With a head of this incarnation an attempt before got so far, and all that it found is counted.
  const auto held = found && found->incarnation == state.incarnation ? std::uint64_t{0} : drop_left(found, frames);
  on_disk = true;
  if (auto put = commit(); !put) {
    gap = gap_before;
    dropped = dropped_before;
    return put;
  }
  if (auto synced = head_file->sync(); !synced) return synced;
  if (auto put = write_state(dir, state); !put) return put;
  if (held > 0) note(fmt::format("{}: {} reports of the incarnation before dropped", dir, held));
  return {};
}

Result<void> Spool::Impl::add_segment(std::uint64_t first) {
  auto file = File::open(dir + "/" + segment_name(first), O_RDWR | O_CREAT | O_TRUNC);
  if (!file) return file.error();
  segments.push_back({first, std::move(*file), 0});
  return {};
}

Result<Spool> Spool::open(const std::string& dir, const SpoolLimits& limits, const std::string& boot_id) {
  auto impl = std::make_unique<Impl>();
  impl->dir = dir;
  impl->set_limits(limits);
  if (auto loaded = impl->load(boot_id); !loaded) return loaded.error();
  return Spool(std::move(impl));
}

Spool Spool::without_disk(const std::string& dir, const SpoolLimits& limits, const std::string& boot_id, Error why) {
  auto impl = std::make_unique<Impl>();
  impl->dir = dir;
  impl->set_limits(limits);
  const auto found = read_state(dir);
  impl->state = {.incarnation = draw_incarnation(found ? found->incarnation : 0), .boot_id = boot_id, .clean = false};
  impl->new_incarnation = true;
  impl->on_disk = false;
  impl->refusal = std::move(why);
  if (found) {
    // A receiver knows the numbers of the last few incarnations only: one that was left must not come back. A disk that
    // takes no byte lets go of one.
    if (auto removed = remove_file(dir + "/state"); !removed) impl->trouble(removed.error());
  }
  return Spool(std::move(impl));
}

}  // namespace tideline::spool
