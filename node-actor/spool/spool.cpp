#include "node-actor/spool/spool.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <limits>
#include <random>

#include <fcntl.h>
#include <fmt/format.h>

#include "node-actor/frames/frames.h"
#include "node-actor/spool/disk.h"
#include "node-actor/spool/marks.h"

namespace tideline::spool {

using frames::FrameHeader;
using frames::kHeaderBytes;
using frames::make_frame;
using frames::read_frame;
using frames::ScannedFrame;
using model::Error;
using model::ErrorCode;
using model::Result;

namespace {

constexpr std::string_view kSegmentPrefix = "seg-";
constexpr std::size_t kMaxNotes = 100;

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

struct Spool::Impl {
  struct Segment {
    std::uint64_t first = 0;  // no report in it has a lower number
    File file;
    std::size_t bytes = 0;
  };
  struct Entry {
    std::uint64_t seq = 0;
    std::uint64_t gap = 0;
    std::uint64_t segment = 0;  // its `first`
    std::size_t offset = 0;
    std::size_t bytes = 0;
    enum class Fate { kHeld, kAcked, kDropped } fate = Fate::kHeld;
  };
  using Fate = Entry::Fate;

  std::string dir;
  SpoolLimits limits;
  State state;
  std::optional<HeadFile> head_file;
  bool new_incarnation = false;
  std::deque<Segment> segments;  // oldest first; the last one is appended to
  std::vector<File> doomed;      // segments to be removed after the next head
  std::deque<Entry> entries;     // ascending seq; acked and dropped ones stay while an older one is held
  std::size_t unacked = 0;       // of fate kHeld
  std::size_t bytes = 0;
  std::uint64_t next = 1;
  std::uint64_t gap = 0;
  std::uint64_t dropped = 0;
  std::vector<std::string> notes;

  Result<void> load(const std::string& boot_id);
  Result<void> load_segments(std::vector<ScannedFrame>& frames, std::vector<std::uint64_t>& owners);
  void adopt(const Head& head, const std::vector<ScannedFrame>& frames, const std::vector<std::uint64_t>& owners);
  void start_incarnation(const std::string& why, const std::optional<Head>& head,
                         const std::vector<ScannedFrame>& frames);

  Result<void> add_segment();
  void doom_oldest_segment();
  void pop_front();
  void drop(Entry& entry);
  void settle();
  void enforce_limits();
  Head head() const;
  /// Writes the head, and only then removes what it no longer speaks of: killed in between, nothing is counted twice.
  /// Without a head on disk nothing is removed.
  Result<void> commit();
  void trouble(const Error& error);
  const Segment* segment_of(const Entry& entry) const;
  Entry* find_held(model::Seq seq);
  /// After the fate of an entry changed.
  void settle_front();
  void close();
};

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
      notes.push_back(fmt::format("{}/{}: not a segment's name, left alone", dir, name));
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
    if (scan.rotten > 0) notes.push_back(fmt::format("{}: {} reports with a wrong CRC", file->path(), scan.rotten));
    if (scan.good_bytes != *size) {
      notes.push_back(fmt::format("{}: {} after byte {}, cut there", file->path(),
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
    if (frame.seq >= head.next) gap = 0;
    entries.push_back({frame.seq, frame.gap, owners[i], frame.offset, frame.bytes, Fate::kHeld});
  }
  unacked = entries.size();
  next = std::max(next, last + 1);
  const std::uint64_t missing = next - head.first - entries.size();
  if (missing > head.known_lost) {
    const auto lost = missing - head.known_lost;
    gap += lost;
    dropped += lost;
    notes.push_back(fmt::format("{}: {} reports are lost", dir, lost));
  }
}

void Spool::Impl::start_incarnation(const std::string& why, const std::optional<Head>& head,
                                    const std::vector<ScannedFrame>& frames) {
  std::uint64_t held = 0;
  if (head) gap = head->gap;
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
  const auto last = state.incarnation;
  state.incarnation = draw_incarnation(last);
  new_incarnation = true;
  if (last != 0 || head || !frames.empty()) {
    notes.push_back(fmt::format("{}: new incarnation, {}; {} reports dropped", dir, why, held));
  }
}

Result<void> Spool::Impl::load(const std::string& boot_id) {
  limits.segment_bytes =
      std::clamp<std::size_t>(limits.segment_bytes, 1, std::max<std::size_t>(limits.max_bytes / 4, 1));
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
  return write_state(dir, state);
}

Result<void> Spool::Impl::add_segment() {
  auto file = File::open(dir + "/" + segment_name(next), O_RDWR | O_CREAT | O_TRUNC);
  if (!file) return file.error();
  segments.push_back({next, std::move(*file), 0});
  return {};
}

void Spool::Impl::doom_oldest_segment() {
  bytes -= segments.front().bytes;
  doomed.push_back(std::move(segments.front().file));
  segments.pop_front();
}

Result<void> Spool::Impl::commit() {
  if (auto put = head_file->write(head()); !put) return put;
  for (const auto& file : doomed) {
    if (auto removed = remove_file(file.path()); !removed) trouble(removed.error());
  }
  doomed.clear();
  return {};
}

void Spool::Impl::trouble(const Error& error) {
  if (notes.size() >= kMaxNotes) notes.erase(notes.begin());
  notes.push_back(error.message());
}

void Spool::Impl::drop(Entry& entry) {
  if (entry.fate != Fate::kHeld) return;
  entry.fate = Fate::kDropped;
  ++dropped;
  --unacked;
}

/// A dropped report counts when it leaves: until then the next life finds it on disk and would count it again.
void Spool::Impl::pop_front() {
  drop(entries.front());
  if (entries.front().fate == Fate::kDropped) gap += 1 + entries.front().gap;
  entries.pop_front();
}

/// Lets go of what is acked or dropped at the front, and of the segments that hold nothing any more.
void Spool::Impl::settle() {
  while (!entries.empty() && entries.front().fate != Fate::kHeld)
    pop_front();
  while (segments.size() > 1 && (entries.empty() || entries.front().segment != segments.front().first)) {
    doom_oldest_segment();
  }
}

void Spool::Impl::enforce_limits() {
  while (unacked > limits.max_reports)
    pop_front();
  settle();
  while (bytes > limits.max_bytes && segments.size() > 1) {
    const auto oldest = segments.front().first;
    while (!entries.empty() && entries.front().segment == oldest)
      pop_front();
    settle();
  }
}

Head Spool::Impl::head() const {
  const auto first = entries.empty() ? next : entries.front().seq;
  return {.incarnation = state.incarnation,
          .first = first,
          .next = next,
          .gap = gap,
          .known_lost = next - first - entries.size()};
}

const Spool::Impl::Segment* Spool::Impl::segment_of(const Entry& entry) const {
  const auto found = std::find_if(segments.begin(), segments.end(),
                                  [&](const Segment& segment) { return segment.first == entry.segment; });
  return found == segments.end() ? nullptr : &*found;
}

void Spool::Impl::close() {
  // A close that cannot make everything durable is not clean: the next boot then takes a new incarnation.
  for (const auto& segment : segments) {
    if (!segment.file.sync()) return;
  }
  if (!commit() || !head_file->sync()) return;
  state.clean = true;
  if (!write_state(dir, state)) state.clean = false;
}

Result<Spool> Spool::open(const std::string& dir, const SpoolLimits& limits, const std::string& boot_id) {
  auto impl = std::make_unique<Impl>();
  impl->dir = dir;
  impl->limits = limits;
  if (auto loaded = impl->load(boot_id); !loaded) return loaded.error();
  return Spool(std::move(impl));
}

Spool::Spool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Spool::Spool(Spool&&) noexcept = default;

Spool& Spool::operator=(Spool&& other) noexcept {
  if (impl_) impl_->close();
  impl_ = std::move(other.impl_);
  return *this;
}

Spool::~Spool() {
  if (impl_) impl_->close();
}

void Spool::abandon() {
  impl_.reset();
}

model::Incarnation Spool::incarnation() const {
  return model::Incarnation(impl_->state.incarnation);
}
bool Spool::is_new_incarnation() const {
  return impl_->new_incarnation;
}
const std::vector<std::string>& Spool::notes() const {
  return impl_->notes;
}
model::Seq Spool::next_seq() const {
  return model::Seq(impl_->next);
}
std::uint64_t Spool::pending_gap() const {
  return impl_->gap;
}
std::size_t Spool::pending() const {
  return impl_->unacked;
}
std::size_t Spool::disk_bytes() const {
  return impl_->bytes;
}
std::uint64_t Spool::dropped() const {
  return impl_->dropped;
}

Result<void> Spool::append(model::Seq seq, std::uint64_t gap, const std::string& bytes) {
  auto& spool = *impl_;
  if (seq.value() != spool.next || gap != spool.gap) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("report {} with gap {}: the spool is at {} with gap {}",
                                                          seq.value(), gap, spool.next, spool.gap));
  }
  const std::size_t size = kHeaderBytes + bytes.size();
  if (size > spool.limits.max_bytes) {
    return Error(ErrorCode::kOverloaded, fmt::format("report {} of {} bytes is larger than the whole spool of {}",
                                                     seq.value(), bytes.size(), spool.limits.max_bytes));
  }
  if (spool.segments.empty() ||
      (spool.segments.back().bytes > 0 && spool.segments.back().bytes + size > spool.limits.segment_bytes)) {
    if (auto added = spool.add_segment(); !added) return added;
  }
  auto& segment = spool.segments.back();
  const auto frame = make_frame(spool.state.incarnation, spool.next, gap, bytes);
  if (auto put = segment.file.write_at(segment.bytes, frame); !put) {
    // Half a frame must not stand before the next one. If it cannot be cut, the next write goes over it all the same.
    if (auto cut = segment.file.truncate(segment.bytes); !cut) return put.error().in(cut.error().message());
    return put;
  }
  spool.entries.push_back({spool.next, gap, segment.first, segment.bytes, size, Impl::Fate::kHeld});
  segment.bytes += size;
  spool.bytes += size;
  ++spool.unacked;
  ++spool.next;
  spool.gap = 0;
  spool.enforce_limits();
  // The frame alone is enough to find the report again: the head only says the same with fewer words.
  if (auto put = spool.commit(); !put) spool.trouble(put.error());
  return {};
}

Result<std::vector<SpooledReport>> Spool::peek(model::Seq from, std::size_t max) {
  auto& spool = *impl_;
  std::vector<SpooledReport> reports;
  bool lost = false;
  for (auto entry = spool.entries.begin(); entry != spool.entries.end() && reports.size() < max;) {
    if (entry->fate != Impl::Fate::kHeld || entry->seq < from.value()) {
      ++entry;
      continue;
    }
    const auto* segment = spool.segment_of(*entry);
    auto frame = segment->file.read_at(entry->offset, entry->bytes);
    if (!frame) return frame.error();
    FrameHeader header;
    SpooledReport report{model::Seq(entry->seq), entry->gap, {}};
    if (read_frame(*frame, header, report.bytes) && header.seq == entry->seq) {
      reports.push_back(std::move(report));
      ++entry;
    } else {
      spool.drop(*entry);
      spool.gap += 1 + entry->gap;
      entry = spool.entries.erase(entry);
      lost = true;
    }
  }
  if (lost) {
    spool.settle();
    if (auto put = spool.commit(); !put) spool.trouble(put.error());
  }
  return reports;
}

Spool::Impl::Entry* Spool::Impl::find_held(model::Seq seq) {
  const auto entry = std::lower_bound(entries.begin(), entries.end(), seq.value(),
                                      [](const Entry& e, std::uint64_t wanted) { return e.seq < wanted; });
  return entry == entries.end() || entry->seq != seq.value() || entry->fate != Fate::kHeld ? nullptr : &*entry;
}

void Spool::Impl::settle_front() {
  if (entries.front().fate == Fate::kHeld) return;
  settle();
  if (auto put = commit(); !put) trouble(put.error());
}

void Spool::ack(model::Seq seq) {
  auto* entry = impl_->find_held(seq);
  if (entry == nullptr) return;
  entry->fate = Impl::Fate::kAcked;
  --impl_->unacked;
  impl_->settle_front();
}

void Spool::drop(model::Seq seq) {
  auto* entry = impl_->find_held(seq);
  if (entry == nullptr) return;
  impl_->drop(*entry);
  impl_->settle_front();
}

void Spool::count_lost() {
  ++impl_->gap;
  ++impl_->dropped;
  if (auto put = impl_->commit(); !put) impl_->trouble(put.error());
}

void Spool::ack_through(model::Seq seq) {
  auto& spool = *impl_;
  bool any = false;
  for (auto& entry : spool.entries) {
    if (entry.seq > seq.value()) break;
    any = true;
    if (entry.fate != Impl::Fate::kHeld) continue;
    entry.fate = Impl::Fate::kAcked;
    --spool.unacked;
  }
  if (!any) return;
  spool.settle();
  if (auto put = spool.commit(); !put) spool.trouble(put.error());
}

}  // namespace tideline::spool
