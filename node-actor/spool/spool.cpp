#include "node-actor/spool/spool.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "node-actor/frames/frames.h"
#include "node-actor/spool/disk.h"
#include "node-actor/spool/marks.h"
#include "node-actor/spool/spool_impl.h"

namespace tideline::spool {

using frames::FrameHeader;
using frames::kHeaderBytes;
using frames::make_frame;
using frames::read_frame;
using model::Error;
using model::ErrorCode;
using model::Result;

namespace {

constexpr std::size_t kMaxNotes = 100;

}  // namespace

void Spool::Impl::doom_oldest_segment() {
  bytes -= segments.front().bytes;
  doomed.push_back(std::move(segments.front().file));
  segments.pop_front();
}

Result<void> Spool::Impl::commit() {
  if (!on_disk) return {};
  if (auto put = head_file->write(head()); !put) return put;
  for (const auto& file : doomed) {
    if (auto removed = remove_file(file.path()); !removed) trouble(removed.error());
  }
  doomed.clear();
  return {};
}

void Spool::Impl::note(std::string text) {
  if (notes.size() >= kMaxNotes) notes.erase(notes.begin());
  notes.push_back(std::move(text));
}

void Spool::Impl::trouble(const Error& error) {
  note(error.message());
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
  if (entries.front().in_memory()) forget_memory_of(entries.front());
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
  while (memory_bytes > limits.max_bytes)
    pop_front();
  settle();
}

void Spool::Impl::forget_memory_of(Entry& entry) {
  --in_memory;
  memory_bytes -= entry.bytes;
  memory_gap -= entry.gap;
  entry.frame = {};
}

Result<void> Spool::Impl::write_frame(Entry& entry, const std::string& frame) {
  if (segments.empty() || (segments.back().bytes > 0 && segments.back().bytes + frame.size() > limits.segment_bytes)) {
    if (auto added = add_segment(entry.seq); !added) return added;
  }
  auto& segment = segments.back();
  if (auto put = segment.file.write_at(segment.bytes, frame); !put) {
    // Half a frame must not stand before the next one. If it cannot be cut, the next write goes over it all the same.
    if (auto cut = segment.file.truncate(segment.bytes); !cut) return put.error().in(cut.error().message());
    return put;
  }
  entry.segment = segment.first;
  entry.offset = segment.bytes;
  segment.bytes += frame.size();
  bytes += frame.size();
  return {};
}

Result<void> Spool::Impl::flush() {
  if (!on_disk) {
    if (auto attached = attach(); !attached) {
      refusal = attached.error();
      return attached;
    }
  }
  while (in_memory > 0) {
    auto& entry = entries[entries.size() - in_memory];
    const bool has_gap = entry.gap > 0;
    if (auto put = write_frame(entry, entry.frame); !put) {
      refusal = put.error();
      return put;
    }
    forget_memory_of(entry);
    enforce_limits();
    // The frame has its gap now: a head that had it, too, would count it twice.
    if (has_gap || in_memory == 0 || !doomed.empty()) {
      if (auto put = commit(); !put) trouble(put.error());
    }
  }
  refusal.reset();
  return {};
}

/// A gap that a report in memory carries goes with this process, unlike that of one on disk: it is still to be told.
Head Spool::Impl::head() const {
  const auto first = entries.empty() ? next : entries.front().seq;
  return {.incarnation = state.incarnation,
          .first = first,
          .next = next,
          .gap = gap + memory_gap,
          .known_lost = next - first - entries.size()};
}

const Spool::Impl::Segment* Spool::Impl::segment_of(const Entry& entry) const {
  const auto found = std::find_if(segments.begin(), segments.end(),
                                  [&](const Segment& segment) { return segment.first == entry.segment; });
  return found == segments.end() ? nullptr : &*found;
}

void Spool::Impl::close() {
  if (in_memory > 0) {
    if (auto put = flush(); !put) trouble(put.error());
  }
  if (!on_disk) return;
  // A close that cannot make everything durable is not clean: the next boot then takes a new incarnation. What is in
  // memory still is lost, and found lost by the next life.
  for (const auto& segment : segments) {
    if (!segment.file.sync()) return;
  }
  if (!commit() || !head_file->sync()) return;
  state.clean = true;
  if (!write_state(dir, state)) state.clean = false;
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
std::size_t Spool::in_memory() const {
  return impl_->in_memory;
}
const std::optional<Error>& Spool::refusal() const {
  return impl_->refusal;
}
Result<void> Spool::try_disk() {
  return impl_->flush();
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
  Impl::Entry entry{spool.next, gap, 0, 0, size, Impl::Fate::kHeld, {}};
  auto frame = make_frame(spool.state.incarnation, spool.next, gap, bytes);
  auto put = spool.flush();
  if (put) put = spool.write_frame(entry, frame);
  spool.entries.push_back(std::move(entry));
  ++spool.next;
  // What the disk has just been found to have lost is for the report after this one.
  spool.gap -= gap;
  if (!put) {
    spool.refusal = put.error();
    auto& held = spool.entries.back();
    held.frame = std::move(frame);
    ++spool.in_memory;
    spool.memory_bytes += size;
    spool.memory_gap += gap;
    // Where its number is on disk, a next life that does not find the report counts it.
    if (const auto noted = spool.commit(); !noted) {
      spool.forget_memory_of(held);
      spool.entries.pop_back();
      --spool.next;
      spool.gap += gap;
      return put;
    }
  }
  ++spool.unacked;
  spool.enforce_limits();
  // The frame alone is enough to find the report again: the head only says the same with fewer words.
  if (const auto noted = spool.commit(); !noted) spool.trouble(noted.error());
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
    auto frame = entry->in_memory() ? Result<std::string>(entry->frame)
                                    : spool.segment_of(*entry)->file.read_at(entry->offset, entry->bytes);
    if (!frame) return frame.error();
    FrameHeader header;
    SpooledReport report{model::Seq(entry->seq), entry->gap, {}};
    if (read_frame(*frame, header, report.bytes) && header.seq == entry->seq) {
      reports.push_back(std::move(report));
      ++entry;
    } else {
      spool.drop(*entry);
      spool.gap += 1 + entry->gap;
      if (entry->in_memory()) spool.forget_memory_of(*entry);
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

void Spool::Impl::done_with(Entry& entry) {
  if (entry.in_memory()) {
    // No next life finds it, so that it must not wait for those before it either.
    if (entry.fate == Fate::kDropped) gap += 1 + entry.gap;
    forget_memory_of(entry);
    entries.erase(std::find_if(entries.begin(), entries.end(), [&](const Entry& each) { return &each == &entry; }));
  } else if (&entry != &entries.front()) {
    return;
  }
  settle();
  if (auto put = commit(); !put) trouble(put.error());
}

void Spool::ack(model::Seq seq) {
  auto* entry = impl_->find_held(seq);
  if (entry == nullptr) return;
  entry->fate = Impl::Fate::kAcked;
  --impl_->unacked;
  impl_->done_with(*entry);
}

void Spool::drop(model::Seq seq) {
  auto* entry = impl_->find_held(seq);
  if (entry == nullptr) return;
  impl_->drop(*entry);
  impl_->done_with(*entry);
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
