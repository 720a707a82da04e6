#pragma once
// The twin of rehearsal::SpooledReports for nodes in virtual time: what a spool leaves on a disk, in memory. One test
// holds the two against each other (test/node-actor/fleet/report_queue_test.cpp).

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node-actor/fleet/report_queue.h"

namespace tideline::test {

/// The state directory of one node, which outlives its agent. Default-constructed but for `draw`: empty.
struct MemoryDisk {
  struct Entry {
    model::Report report;
    enum class Fate : std::uint8_t { kHeld, kAcked, kDropped } fate = Fate::kHeld;
  };
  std::function<std::uint64_t()> draw;  // an incarnation that there never was, not 0
  std::size_t max_reports = rehearsal::SpooledReports::kLimits.max_reports;
  std::function<void(const model::Report&)> on_store;  // empty: nobody wants to know

  std::uint64_t incarnation = 0;  // 0: nothing was ever written
  std::string boot_id;
  bool clean = false;
  std::uint64_t next = 1;
  std::uint64_t gap = 0;      // dropped, and not carried by a report yet
  std::deque<Entry> entries;  // numbered without holes up to next - 1; the first is held

  /// All that was written is gone.
  void wipe() {
    incarnation = gap = 0;
    boot_id.clear();
    clean = false;
    next = 1;
    entries.clear();
  }
};

class MemoryReports final : public rehearsal::ReportQueue {
 public:
  using Fate = MemoryDisk::Entry::Fate;

  MemoryReports(std::shared_ptr<MemoryDisk> disk, const std::string& boot_id)
      : ReportQueue(boot_id), disk_(std::move(disk)) {
    if (disk_->incarnation == 0) {
      disk_->incarnation = disk_->draw();
    } else if (!disk_->clean && (boot_id.empty() || boot_id != disk_->boot_id)) {
      lose_power();
    }
    // An ack or a drop out of order is not on the disk.
    for (auto& entry : disk_->entries)
      entry.fate = Fate::kHeld;
    held_ = disk_->entries.size();
    keep_to_limit();
    disk_->boot_id = boot_id;
    disk_->clean = false;
  }
  ~MemoryReports() override {
    if (disk_) disk_->clean = true;
  }

  model::Incarnation incarnation() const override { return model::Incarnation(disk_->incarnation); }

  model::Result<void> store(model::Report& report) override {
    report.incarnation = incarnation();
    report.seq = next_seq();
    report.gap_reports = std::exchange(disk_->gap, 0);
    disk_->entries.push_back({report, Fate::kHeld});
    ++disk_->next;
    ++held_;
    if (disk_->on_store) disk_->on_store(report);
    keep_to_limit();
    return {};
  }

  void ack(model::Seq seq) override {
    auto* entry = find_held(seq);
    if (entry == nullptr) return;
    entry->fate = Fate::kAcked;
    --held_;
    settle();
  }
  void ack_through(model::Seq seq) override {
    for (auto& entry : disk_->entries) {
      if (entry.report.seq > seq) break;
      if (entry.fate == Fate::kHeld) --held_;
      if (entry.fate == Fate::kHeld) entry.fate = Fate::kAcked;
    }
    settle();
  }
  void drop(model::Seq seq) override {
    auto* entry = find_held(seq);
    if (entry == nullptr) return;
    drop(*entry);
    settle();
  }

  std::size_t pending() const override { return held_; }
  std::uint64_t dropped() const override { return dropped_; }
  const std::vector<std::string>& notes() const override { return notes_; }
  void abandon() override { disk_.reset(); }

 private:
  model::Seq next_seq() const override { return model::Seq(disk_->next); }

  std::optional<model::Report> stored(model::Seq from, std::optional<model::Error>&) override {
    for (std::size_t i = place_of(from); i < disk_->entries.size(); ++i) {
      if (disk_->entries[i].fate == Fate::kHeld) return disk_->entries[i].report;
    }
    return std::nullopt;
  }

  /// What was not synced may be lost, so that numbers could be given out again.
  void lose_power() {
    for (const auto& entry : disk_->entries)
      disk_->gap += 1 + entry.report.gap_reports;
    dropped_ += disk_->entries.size();
    notes_.push_back("new incarnation: the host went down");
    disk_->entries.clear();
    disk_->next = 1;
    disk_->incarnation = disk_->draw();
  }

  /// Of the first entry with a number of at least `seq`.
  std::size_t place_of(model::Seq seq) const {
    if (disk_->entries.empty()) return 0;
    const auto first = disk_->entries.front().report.seq;
    return seq <= first ? 0 : static_cast<std::size_t>(seq.value() - first.value());
  }
  MemoryDisk::Entry* find_held(model::Seq seq) {
    if (disk_->entries.empty() || seq < disk_->entries.front().report.seq) return nullptr;
    const auto place = place_of(seq);
    if (place >= disk_->entries.size() || disk_->entries[place].fate != Fate::kHeld) return nullptr;
    return &disk_->entries[place];
  }

  void drop(MemoryDisk::Entry& entry) {
    if (entry.fate != Fate::kHeld) return;
    entry.fate = Fate::kDropped;
    ++dropped_;
    --held_;
  }
  void pop_front() {
    auto& front = disk_->entries.front();
    drop(front);
    if (front.fate == Fate::kDropped) disk_->gap += 1 + front.report.gap_reports;
    disk_->entries.pop_front();
  }
  void keep_to_limit() {
    while (held_ > disk_->max_reports)
      pop_front();
    settle();
  }
  void settle() {
    while (!disk_->entries.empty() && disk_->entries.front().fate != Fate::kHeld)
      pop_front();
  }

  std::shared_ptr<MemoryDisk> disk_;  // null: abandoned
  std::size_t held_ = 0;
  std::uint64_t dropped_ = 0;
  std::vector<std::string> notes_;
};

}  // namespace tideline::test
