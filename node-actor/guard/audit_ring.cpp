#include "node-actor/guard/audit_ring.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node-actor/frames/frames.h"
#include "node-actor/guard/mapped_file.h"
#include "node-actor/kernel/fd.h"

namespace tideline::guard {

using model::Error;
using model::ErrorCode;
using model::Result;

namespace {

/// Far beyond any limit: what follows is not ours.
constexpr std::size_t kMaxFileBytes = 64u << 20;

std::string newest_in(const std::string& state_dir) {
  return state_dir + "/audit";
}
std::string older_in(const std::string& state_dir) {
  return state_dir + "/audit.old";
}

Result<std::string> content_of(int fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return unavailable("stat", path);
  if (!S_ISREG(status.st_mode)) return Error(ErrorCode::kUnavailable, path + " is no regular file");
  std::string text(std::min(static_cast<std::size_t>(status.st_size), kMaxFileBytes), '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::pread(fd, text.data() + have, text.size() - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unavailable("read", path);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return text;
}

/// Calls `each(incarnation, seq, payload)` for all sound frames; how many bytes of them there are, and what is wrong.
template <class Each>
std::size_t walk(const std::string& path, std::string_view bytes, std::vector<std::string>& notes, const Each& each) {
  const auto scan = frames::scan(bytes);
  for (const auto& frame : scan.frames) {
    each(frame.incarnation, frame.seq,
         bytes.substr(frame.offset + frames::kHeaderBytes, frame.bytes - frames::kHeaderBytes));
  }
  if (scan.rotten > 0) notes.push_back(fmt::format("{}: {} events with a wrong CRC", path, scan.rotten));
  if (scan.good_bytes != bytes.size()) {
    notes.push_back(
        fmt::format("{}: {} after byte {}", path, scan.torn ? "ends within an event" : "unreadable", scan.good_bytes));
  }
  return scan.good_bytes;
}

}  // namespace

struct AuditRing::Impl {
  std::string state_dir;
  AuditLimits limits;
  std::vector<std::string> notes;

  std::mutex mutex;  // of all below
  kernel::Fd fd;     // of the newest file; closed: it could not be made when the one before was full
  std::size_t bytes = 0;
  std::uint64_t last = 0;  // number given out
  AuditMark mark;
  std::vector<AuditRecord> found;  // by open(), and not told by a report before the mark's
  std::uint64_t cut = 0;           // ends that open() could not read
  bool refused = false;
  std::optional<Error> trouble;

  Result<void> load();
  void learn(const std::string& path, std::string_view content, std::size_t& good);
  Result<void> append(const std::string& frame);
  Result<void> write(const std::string& frame);
  /// The newest file becomes the old one, and a new one begins with the mark.
  Result<void> turn_over();
  void remember(const Result<void>& written);
};

void AuditRing::Impl::learn(const std::string& path, std::string_view content, std::size_t& good) {
  good = walk(path, content, notes, [&](std::uint64_t incarnation, std::uint64_t seq, std::string_view payload) {
    if (auto record = audit_record(incarnation, seq, payload)) {
      // Numbers only rise: one that does not is of a damaged file.
      if (record->number <= last) return;
      last = record->number;
      found.push_back(std::move(*record));
    } else if (const auto marked = audit_mark(incarnation, seq, payload)) {
      mark = *marked;
      std::erase_if(found, [&](const AuditRecord& each) { return each.number <= mark.before; });
    }
  });
  if (good != content.size()) ++cut;
}

Result<void> AuditRing::Impl::load() {
  std::size_t good = 0;
  const auto older = older_in(state_dir);
  if (const kernel::Fd old(::open(older.c_str(), O_RDONLY | O_CLOEXEC)); old.open()) {
    const auto content = content_of(old.get(), older);
    if (content) {
      learn(older, *content, good);
    } else {
      notes.push_back(content.error().message());
    }
  }
  const auto path = newest_in(state_dir);
  fd = kernel::Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!fd.open()) return unavailable("open", path);
  const auto content = content_of(fd.get(), path);
  if (!content) return content.error();
  learn(path, *content, good);
  // Nothing may stand before the next frame that no one can read past.
  if (::ftruncate(fd.get(), static_cast<off_t>(good)) != 0) return unavailable("truncate", path);
  bytes = good;
  last = std::max(last, mark.through);
  return {};
}

Result<void> AuditRing::Impl::write(const std::string& frame) {
  const auto path = newest_in(state_dir);
  std::string_view rest = frame;
  auto at = static_cast<off_t>(bytes);
  while (!rest.empty()) {
    const ssize_t put = ::pwrite(fd.get(), rest.data(), rest.size(), at);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      const auto error = unavailable("write", path);
      // Half a frame goes. If it cannot be cut, the next one is written over it all the same.
      if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) return error.in("not cut");
      return error;
    }
    at += put;
    rest.remove_prefix(static_cast<std::size_t>(put));
  }
  bytes += frame.size();
  return {};
}

Result<void> AuditRing::Impl::turn_over() {
  const auto path = newest_in(state_dir);
  if (fd.open() && ::rename(path.c_str(), older_in(state_dir).c_str()) != 0) return unavailable("rename", path);
  fd = kernel::Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  bytes = 0;
  if (!fd.open()) return unavailable("open", path);
  return mark.incarnation == 0 ? Result<void>() : write(audit_frame(mark));
}

Result<void> AuditRing::Impl::append(const std::string& frame) {
  if (!fd.open() || (bytes > 0 && bytes + frame.size() > limits.file_bytes)) {
    if (auto turned = turn_over(); !turned) return turned;
  }
  return write(frame);
}

void AuditRing::Impl::remember(const Result<void>& written) {
  if (!written && !std::exchange(refused, true)) trouble = written.error();
  if (written) refused = false;
}

Result<AuditRing> AuditRing::open(const std::string& state_dir, const AuditLimits& limits) {
  auto impl = std::make_unique<Impl>();
  impl->state_dir = state_dir;
  impl->limits = limits;
  if (auto loaded = impl->load(); !loaded) return loaded.error();
  return AuditRing(std::move(impl));
}

AuditRing::AuditRing(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AuditRing::AuditRing(AuditRing&&) noexcept = default;
AuditRing& AuditRing::operator=(AuditRing&&) noexcept = default;
AuditRing::~AuditRing() = default;

const std::vector<std::string>& AuditRing::notes() const {
  return impl_->notes;
}

std::uint64_t AuditRing::add(const model::Event& event) {
  const std::lock_guard lock(impl_->mutex);
  const auto number = ++impl_->last;
  impl_->remember(impl_->append(audit_frame(AuditRecord{number, event})));
  return number;
}

std::optional<Error> AuditRing::take_trouble() {
  const std::lock_guard lock(impl_->mutex);
  return std::exchange(impl_->trouble, std::nullopt);
}

void AuditRing::telling(model::Incarnation incarnation, model::Seq seq, std::uint64_t through) {
  const std::lock_guard lock(impl_->mutex);
  auto& mark = impl_->mark;
  const bool again = mark.incarnation == incarnation.value() && mark.seq == seq.value();
  const auto before = again ? mark.before : mark.through;
  mark = {
      .incarnation = incarnation.value(), .seq = seq.value(), .before = before, .through = std::max(before, through)};
  impl_->remember(impl_->append(audit_frame(mark)));
}

AuditRing::Untold AuditRing::take_untold(model::Incarnation incarnation, model::Seq next) {
  const std::lock_guard lock(impl_->mutex);
  auto& mark = impl_->mark;
  const bool stored = mark.incarnation != incarnation.value() || mark.seq < next.value();
  if (!stored) mark.through = mark.before;
  const auto told = mark.through;
  Untold untold;
  untold.records = std::exchange(impl_->found, {});
  std::erase_if(untold.records, [&](const AuditRecord& each) { return each.number <= told; });
  const auto through = untold.records.empty() ? told : untold.records.back().number;
  untold.lost = through - told - untold.records.size() + std::exchange(impl_->cut, 0);
  return untold;
}

Result<AuditReading> read_audit(const std::string& state_dir) {
  AuditReading reading;
  bool any = false;
  // The newest first: when it is turned over meanwhile it is read twice, and not never.
  for (const auto& path : {newest_in(state_dir), older_in(state_dir)}) {
    const kernel::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.open() && errno == ENOENT) continue;
    if (!fd.open()) return unavailable("open", path);
    const auto content = content_of(fd.get(), path);
    if (!content) return content.error();
    any = true;
    walk(path, *content, reading.notes, [&](std::uint64_t incarnation, std::uint64_t seq, std::string_view payload) {
      if (auto record = audit_record(incarnation, seq, payload)) reading.records.push_back(std::move(*record));
    });
  }
  if (!any) return Error(ErrorCode::kNotFound, fmt::format("{}: nothing was recorded there", newest_in(state_dir)));
  std::stable_sort(reading.records.begin(), reading.records.end(),
                   [](const AuditRecord& a, const AuditRecord& b) { return a.number < b.number; });
  reading.records.erase(std::unique(reading.records.begin(), reading.records.end(),
                                    [](const AuditRecord& a, const AuditRecord& b) { return a.number == b.number; }),
                        reading.records.end());
  return reading;
}

}  // namespace tideline::guard
