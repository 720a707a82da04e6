#include "node-actor/guard/journal.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <fstream>
#include <set>
#include <tuple>
#include <unordered_map>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "messages/model/cpu_set.h"
#include "messages/model/crc32.h"
#include "node-actor/guard/mapped_file.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/parse.h"

namespace tideline::guard {

using model::Error;
using model::ErrorCode;
using model::Result;
using nlohmann::json;

namespace {

/// A journal holds a line per file and change of its safe value; far beyond this it is not ours.
constexpr std::size_t kMaxJournalBytes = 64u << 20;
// Between these the kernel takes cpu.shares (kernel/sched/sched.h, MIN_SHARES and MAX_SHARES).
constexpr std::int64_t kFewestShares = 2;
constexpr std::int64_t kMostShares = 262'144;

/// The last two values of a file that are ours: the one it held and the one about to be written. Either may be what the
/// file holds when we are killed. 0 = none.
struct Slot {
  std::atomic<std::uint64_t> held;
  std::atomic<std::uint64_t> next;
};
struct WrittenHeader {
  std::uint64_t boot;  // hash of the boot id the slots are of
  std::uint64_t unused;
};
constexpr std::size_t kWrittenBytes = sizeof(WrittenHeader) + kMaxRecords * sizeof(Slot);

std::string trimmed(std::string_view text) {
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return std::string(text);
}

std::string words_of(std::string_view text) {
  std::string words;
  for (auto word = kernel::next_word(text); !word.empty(); word = kernel::next_word(text)) {
    if (!words.empty()) words += ' ';
    words += word;
  }
  return words;
}

/// Of the memory controller's files those that count bytes. The others hold small numbers, which are no part of a page.
bool holds_bytes(std::string_view file) {
  constexpr std::array<std::string_view, 7> kFiles = {"memory.min",
                                                      "memory.low",
                                                      "memory.high",
                                                      "memory.max",
                                                      "memory.swap.high",
                                                      "memory.swap.max",
                                                      "memory.pagecache_limit.size"};
  return (file.starts_with("memory.") && file.ends_with("_in_bytes")) ||
         std::find(kFiles.begin(), kFiles.end(), file) != kFiles.end();
}

/// In whole pages. v1 reads a large number where there is no limit, and takes "-1" for it.
std::string memory_text(std::int64_t bytes) {
  static const std::int64_t page = ::sysconf(_SC_PAGESIZE);
  return bytes < 0 || bytes >= kernel::kNoMemoryLimit ? "max" : std::to_string(bytes / page * page);
}

/// What the kernel would read back for `text`, as far as we know.
std::string canonical(const std::string& path, const std::string& text) {
  const auto file = std::string_view(path).substr(path.rfind('/') + 1);
  std::string result = trimmed(text);
  if (file == "cpu.max") return words_of(result);
  if (file == "cpuset.cpus" || file == "cpuset.mems") {
    const auto set = model::CpuSet::parse(result);
    return set ? set->text() : result;
  }
  const auto number = kernel::parse_number(result);
  if (!number) return result;
  if (file == "cpu.cfs_quota_us") return std::to_string(std::max<std::int64_t>(*number, -1));
  if (file == "cpu.shares") return std::to_string(std::clamp(*number, kFewestShares, kMostShares));
  if (holds_bytes(file)) return memory_text(*number);
  return result;
}

/// FNV-1a, never 0.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) {
    hash ^= static_cast<std::uint8_t>(c);
    hash *= 1099511628211ULL;
  }
  return hash | 1;
}

const char* text_of(RestoreClass restore_class) {
  return restore_class == RestoreClass::kKeep ? "keep" : "restore";
}

Result<void> sync_directory(const std::string& directory) {
  const kernel::Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.open() || ::fsync(fd.get()) != 0) return unavailable("fsync", directory);
  return {};
}

Result<void> write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return unavailable("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

}  // namespace

std::string read_boot_id() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(in, id);
  return id;
}

bool same_value(const std::string& path, const std::string& a, const std::string& b) {
  return canonical(path, a) == canonical(path, b);
}

Result<std::string> journal_line(const JournalRecord& record) {
  json line{{"slot", record.slot},       {"boot", record.boot_id},
            {"path", record.file.path},  {"dev", record.file.device},
            {"ino", record.file.inode},  {"original", record.original},
            {"safe", record.safe_value}, {"class", text_of(record.restore_class)}};
  try {
    const auto crc = model::crc32(line.dump());
    line["crc"] = crc;
    return line.dump();
  } catch (const json::exception&) {
    return Error(ErrorCode::kMalformed, fmt::format("{} holds bytes that are not UTF-8 text", record.file.path));
  }
}

Result<JournalRecord> parse_journal_line(const std::string& line) {
  const auto malformed = [](const std::string& why) { return Error(ErrorCode::kMalformed, why); };
  json value = json::parse(line, nullptr, false);
  // Flat only: dump() recurses, and a rotten line must not choose how deep.
  if (!value.is_object() || std::any_of(value.begin(), value.end(), [](const json& v) { return v.is_structured(); })) {
    return malformed("not a flat JSON object");
  }
  const auto crc = value.find("crc");
  if (crc == value.end() || !crc->is_number_unsigned()) return malformed("no crc");
  const auto expected = crc->get<std::uint64_t>();
  value.erase("crc");
  // Bytes that parsed as text can be written as text again; only invalid UTF-8 could throw, and parse() refuses that.
  if (model::crc32(value.dump()) != expected) return malformed("crc does not match");
  const auto text = [&](const char* key, std::string& into) {
    const auto field = value.find(key);
    if (field == value.end() || !field->is_string()) return false;
    into = field->get<std::string>();
    return true;
  };
  const auto number = [&](const char* key, std::uint64_t& into) {
    const auto field = value.find(key);
    if (field == value.end() || !field->is_number_unsigned()) return false;
    into = field->get<std::uint64_t>();
    return true;
  };
  JournalRecord record;
  std::string restore_class;
  std::uint64_t slot = 0;
  if (!text("boot", record.boot_id) || !text("path", record.file.path) || !text("original", record.original) ||
      !text("safe", record.safe_value) || !text("class", restore_class) || !number("dev", record.file.device) ||
      !number("ino", record.file.inode) || !number("slot", slot)) {
    return malformed("a field is missing or of the wrong type");
  }
  if (slot >= kMaxRecords) return malformed(fmt::format("slot {} is out of range", slot));
  if (restore_class != "keep" && restore_class != "restore") return malformed("class \"" + restore_class + "\"");
  record.slot = static_cast<std::uint32_t>(slot);
  record.restore_class = restore_class == "keep" ? RestoreClass::kKeep : RestoreClass::kRestore;
  return record;
}

struct Journal::Impl {
  std::string state_dir;
  std::string path;
  std::string boot_id;
  kernel::Fd fd;
  MappedFile written;
  std::vector<JournalRecord> records;
  /// Places in `records` by path: more than one where a group was made again.
  std::unordered_map<std::string, std::vector<std::size_t>> places;
  std::vector<std::string> notes;
  std::uint32_t next_slot = 0;
  std::size_t lines = 0;       // in the file
  bool unsynced_line = false;  // the last append may have left half a line behind
  std::optional<Error> only_read;

  Slot& slot(const JournalRecord& record) const {
    auto* slots = reinterpret_cast<Slot*>(static_cast<char*>(written.data()) + sizeof(WrittenHeader));
    return slots[record.slot];
  }
  JournalRecord* find(const kernel::FileIdentity& file) {
    const auto found = places.find(file.path);
    if (found == places.end()) return nullptr;
    for (const auto place : found->second) {
      if (records[place].file == file) return &records[place];
    }
    return nullptr;
  }
  void add(JournalRecord record) {
    places[record.file.path].push_back(records.size());
    records.push_back(std::move(record));
  }
  void replace(std::vector<JournalRecord> kept) {
    records.clear();
    places.clear();
    for (auto& record : kept)
      add(std::move(record));
  }
  /// kMaxRecords: none is free.
  std::uint32_t free_slot() const {
    if (next_slot < kMaxRecords) return next_slot;
    std::vector<bool> used(kMaxRecords);
    for (const auto& record : records)
      used[record.slot] = true;
    return static_cast<std::uint32_t>(std::find(used.begin(), used.end(), false) - used.begin());
  }

  Result<void> open_files();
  Result<void> open_files_to_read();
  Result<void> load();
  Error refused() const {
    return {ErrorCode::kPermissionDenied, "the journal can only be read: " + only_read->message()};
  }
  static Result<Journal> opened(std::unique_ptr<Impl> impl, const std::string& state_dir, const std::string& boot_id);
  void forget_writes_of_another_boot();
  static void clear(Slot& slot) {
    slot.held.store(0, std::memory_order_relaxed);
    slot.next.store(0, std::memory_order_relaxed);
  }
  Result<void> append(const JournalRecord& record);
};

Result<void> Journal::Impl::open_files() {
  if (::mkdir(state_dir.c_str(), 0750) != 0 && errno != EEXIST) return unavailable("make", state_dir);
  fd = kernel::Fd(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
  if (!fd.open()) return unavailable("open", path);
  if (auto synced = sync_directory(state_dir); !synced) return synced.error();
  auto mapped = MappedFile::open(state_dir + "/written", kWrittenBytes);
  if (!mapped) return mapped.error();
  written = std::move(*mapped);
  return {};
}

Result<void> Journal::Impl::open_files_to_read() {
  fd = kernel::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.open() && errno != ENOENT) return unavailable("open", path);
  auto copied = MappedFile::copy_of(state_dir + "/written", kWrittenBytes);
  if (!copied) return copied.error();
  written = std::move(*copied);
  return {};
}

void Journal::Impl::forget_writes_of_another_boot() {
  auto& header = *static_cast<WrittenHeader*>(written.data());
  if (header.boot == hash_of(boot_id)) return;
  // Slots without a record are reset when one takes them; touching only those in use keeps the mapping small.
  for (const auto& record : records)
    clear(slot(record));
  header.boot = hash_of(boot_id);
}

Result<void> Journal::Impl::load() {
  std::string text;
  char buffer[65536];
  while (fd.open()) {
    const ssize_t got = ::pread(fd.get(), buffer, sizeof buffer, static_cast<off_t>(text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unavailable("read", path);
    if (got == 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > kMaxJournalBytes) {
      return Error(ErrorCode::kMalformed,
                   fmt::format("{} is larger than {} bytes: not a journal; move it away", path, kMaxJournalBytes));
    }
  }
  const auto whole = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
  if (whole != text.size()) {
    // A line is complete before the file it speaks of is written: half a line is about nothing.
    notes.push_back(fmt::format("{}: {} a torn last line of {} bytes", path, only_read ? "passed over" : "cut",
                                text.size() - whole));
    if (!only_read && ::ftruncate(fd.get(), static_cast<off_t>(whole)) != 0) return unavailable("truncate", path);
  }
  std::size_t others = 0;
  std::size_t number = 0;
  for (std::size_t at = 0; at < whole;) {
    const auto end = text.find('\n', at);
    const auto line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    auto record = parse_journal_line(line);
    if (!record) {
      notes.push_back(fmt::format("{} line {}: skipped, {}", path, number, record.error().message()));
      continue;
    }
    ++lines;
    next_slot = std::max(next_slot, record->slot + 1);
    if (record->boot_id != boot_id) {
      ++others;
      continue;
    }
    if (auto* known = find(record->file)) {
      known->safe_value = record->safe_value;
      known->restore_class = record->restore_class;
    } else {
      add(std::move(*record));
    }
  }
  if (others > 0) notes.push_back(fmt::format("{}: {} lines of an earlier boot left alone", path, others));
  return {};
}

Result<void> Journal::Impl::append(const JournalRecord& record) {
  auto line = journal_line(record);
  if (!line) return line.error();
  // After a failed append a newline first: whatever half line is there then ends, and is skipped by its CRC.
  const std::string bytes = (unsynced_line ? "\n" : "") + *line + "\n";
  unsynced_line = true;
  if (auto put = write_all(fd.get(), bytes, path); !put) return put.error();
  if (::fdatasync(fd.get()) != 0) return unavailable("fdatasync", path);
  unsynced_line = false;
  ++lines;
  return {};
}

Result<Journal> Journal::open(const std::string& state_dir, const std::string& boot_id) {
  return Impl::opened(std::make_unique<Impl>(), state_dir, boot_id);
}

Result<Journal> Journal::open_to_read(const std::string& state_dir, const Error& why, const std::string& boot_id) {
  auto impl = std::make_unique<Impl>();
  impl->only_read = why;
  impl->notes.push_back("the journal can only be read, nothing new is written on this host: " + why.message());
  return Impl::opened(std::move(impl), state_dir, boot_id);
}

Result<Journal> Journal::Impl::opened(std::unique_ptr<Impl> impl, const std::string& state_dir,
                                      const std::string& boot_id) {
  impl->state_dir = state_dir;
  impl->path = state_dir + "/journal";
  impl->boot_id = boot_id.empty() ? read_boot_id() : boot_id;
  if (impl->boot_id.empty()) {
    return Error(ErrorCode::kInternal, "/proc/sys/kernel/random/boot_id cannot be read: nothing can be journaled");
  }
  if (auto files = impl->only_read ? impl->open_files_to_read() : impl->open_files(); !files) return files.error();
  if (auto loaded = impl->load(); !loaded) return loaded.error();
  impl->forget_writes_of_another_boot();
  return Journal(std::move(impl));
}

Journal::Journal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Journal::Journal(Journal&&) noexcept = default;
Journal& Journal::operator=(Journal&&) noexcept = default;
Journal::~Journal() = default;

const std::vector<JournalRecord>& Journal::records() const {
  return impl_->records;
}
const std::vector<std::string>& Journal::notes() const {
  return impl_->notes;
}
const std::string& Journal::boot_id() const {
  return impl_->boot_id;
}

std::optional<JournalRecord> Journal::find(const kernel::FileIdentity& file) const {
  const auto* record = impl_->find(file);
  if (record == nullptr) return std::nullopt;
  return *record;
}

Result<void> Journal::record(const kernel::FileIdentity& file, const std::string& original,
                             const std::string& safe_value, RestoreClass restore_class) {
  if (impl_->only_read) return impl_->refused();
  auto* known = impl_->find(file);
  if (known != nullptr && known->safe_value == safe_value && known->restore_class == restore_class) return {};
  JournalRecord record{.slot = known != nullptr ? known->slot : impl_->free_slot(),
                       .boot_id = impl_->boot_id,
                       .file = file,
                       .original = known != nullptr ? known->original : original,
                       .safe_value = safe_value,
                       .restore_class = restore_class};
  if (record.slot >= kMaxRecords) {
    return Error(ErrorCode::kOverloaded,
                 fmt::format("{}: {} files journaled, {} not", impl_->path, kMaxRecords, file.path));
  }
  if (auto appended = impl_->append(record); !appended) return appended.error();
  if (known != nullptr) {
    *known = std::move(record);
  } else {
    Impl::clear(impl_->slot(record));
    impl_->next_slot = std::max(impl_->next_slot, record.slot + 1);
    impl_->add(std::move(record));
  }
  return {};
}

void Journal::intend(const kernel::FileIdentity& file, const std::string& current, const std::string& next) {
  const auto* record = impl_->find(file);
  if (record == nullptr) return;
  auto& slot = impl_->slot(*record);
  // Between the two stores the slot still knows `current`, which is what the file holds. A foreign value is not made
  // ours by passing here.
  if (ownership(file, current) != Ownership::kForeign) {
    slot.held.store(hash_of(canonical(file.path, current)), std::memory_order_release);
  }
  slot.next.store(hash_of(canonical(file.path, next)), std::memory_order_release);
}

Ownership Journal::ownership(const kernel::FileIdentity& file, const std::string& current) const {
  const auto* record = impl_->find(file);
  if (record == nullptr) return Ownership::kForeign;
  if (same_value(file.path, current, record->original)) return Ownership::kOriginal;
  const auto& slot = impl_->slot(*record);
  const auto held = slot.held.load(std::memory_order_acquire);
  const auto next = slot.next.load(std::memory_order_acquire);
  if (held == 0 && next == 0) return Ownership::kOurs;
  const auto text = canonical(file.path, current);
  if (text.empty()) return Ownership::kOurs;
  const auto hash = hash_of(text);
  return hash == held || hash == next ? Ownership::kOurs : Ownership::kForeign;
}

Result<void> Journal::forget_gone() {
  if (impl_->only_read) return {};
  std::vector<kernel::FileIdentity> keep;
  for (const auto& record : impl_->records) {
    const auto directory = kernel::open_directory(record.file.path.substr(0, record.file.path.rfind('/')));
    const bool gone = directory ? directory->device == record.file.device && directory->inode != record.file.inode
                                : directory.error().code() == ErrorCode::kNotFound;
    if (!gone) keep.push_back(record.file);
  }
  constexpr std::size_t kWorthWhile = 256;
  const bool few_gone = keep.size() + kWorthWhile > impl_->records.size();
  const bool few_lines = impl_->lines < 2 * keep.size() + 4 * kWorthWhile;
  if (few_gone && few_lines) return {};
  return compact(keep);
}

Result<void> Journal::compact(const std::vector<kernel::FileIdentity>& keep) {
  if (impl_->only_read) return impl_->refused();
  const auto key_of = [](const kernel::FileIdentity& file) { return std::tuple(file.path, file.device, file.inode); };
  std::set<std::tuple<std::string, std::uint64_t, std::uint64_t>> kept_files;
  for (const auto& file : keep)
    kept_files.insert(key_of(file));
  std::vector<JournalRecord> kept;
  std::string text;
  for (const auto& record : impl_->records) {
    if (!kept_files.contains(key_of(record.file))) continue;
    auto line = journal_line(record);
    if (!line) return line.error();
    text += *line + "\n";
    kept.push_back(record);
  }
  const std::string fresh = impl_->path + ".new";
  kernel::Fd fd(::open(fresh.c_str(), O_RDWR | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!fd.open()) return unavailable("open", fresh);
  if (auto put = write_all(fd.get(), text, fresh); !put) return put.error();
  if (::fsync(fd.get()) != 0) return unavailable("fsync", fresh);
  if (::rename(fresh.c_str(), impl_->path.c_str()) != 0) return unavailable("rename", fresh);
  // From here on the journal of before has no name: what is recorded next has to go into this one.
  impl_->fd = std::move(fd);
  impl_->unsynced_line = false;
  impl_->lines = kept.size();
  impl_->replace(std::move(kept));
  if (impl_->records.empty()) impl_->next_slot = 0;
  return sync_directory(impl_->state_dir);
}

}  // namespace tideline::guard
