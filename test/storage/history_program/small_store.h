#pragma once
// A small real store, and commands run on it as the program runs them.

#include <atomic>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <set>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/history_program/options.h"
#include "storage/history_program/run.h"
#include "storage/rocks/rocks_store.h"
#include "test/storage/store/make_report.h"

namespace tideline::history_program {

/// 22:13:20 of a day; a report each 10 s from then on.
inline constexpr std::int64_t kFirstS = store::kStart / 1000;
inline constexpr model::WallTime kNowInTests{store::kStart + 4 * 3'600'000};

/// Reports of web-1 over two hours and of db-1 over some minutes, all of them folded, in files.
inline void make_small_store(const std::string& directory) {
  {
    auto store = rocks::RocksStore::open(directory, {.series = true});
    ASSERT_TRUE(store) << store.error().message();
    const auto append = [&](const std::string& node, std::uint64_t reports) {
      for (std::uint64_t seq = 1; seq <= reports;) {
        std::vector<store::IncomingReport> batch;
        for (; batch.size() < 100 && seq <= reports; ++seq)
          batch.push_back(store::arrive(store::make_report(node, 7, seq)));
        const auto stored = (*store)->append(batch);
        ASSERT_TRUE(stored) << stored.error().message();
      }
    };
    append("web-1", 720);
    append("db-1", 50);
    model::NodeName from;
    for (bool more = true; more;) {
      const auto slice = (*store)->fold_slice(kNowInTests, from, 10);
      ASSERT_TRUE(slice) << slice.error().message();
      more = slice->rest.has_value();
      if (more) from = *slice->rest;
    }
  }
  // What was in memory goes to files as it is opened again.
  ASSERT_TRUE(rocks::RocksStore::open(directory, {.series = true}));
}

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
  nlohmann::json json() const { return nlohmann::json::parse(out, nullptr, false); }
};

inline Ran run_with(const std::vector<std::string>& words, bool stopped = false) {
  std::vector<const char*> argv = {"tideline-history"};
  for (const std::string& word : words)
    argv.push_back(word.c_str());
  const auto parsed = parse_options(static_cast<int>(argv.size()), argv.data(), kNowInTests);
  if (const auto* leave = std::get_if<Leave>(&parsed)) return {leave->exit_code, leave->out, leave->err};
  const std::atomic<bool> stop{stopped};
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Ran ran;
  ran.code = run(std::get<Options>(parsed), stop);
  ran.out = testing::internal::GetCapturedStdout();
  ran.err = testing::internal::GetCapturedStderr();
  return ran;
}

/// Another process that holds the store's lock, as one that has it open does; without a thread of RocksDB in it.
class Holder {
 public:
  explicit Holder(const std::string& store) {
    const std::string path = store + "/LOCK";
    if (::pipe(ready_) != 0 || ::pipe(done_) != 0) ADD_FAILURE() << "pipe";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(done_[1]);
      const int fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
      struct flock lock = {};
      lock.l_type = F_WRLCK;
      lock.l_whence = SEEK_SET;
      char byte = ::fcntl(fd, F_SETLK, &lock) == 0 ? '1' : '0';
      if (::write(ready_[1], &byte, 1) != 1 || ::read(done_[0], &byte, 1) < 0) ::_exit(1);
      ::_exit(0);
    }
    char byte = '0';
    EXPECT_EQ(::read(ready_[0], &byte, 1), 1);
    EXPECT_EQ(byte, '1') << "the lock of " << store;
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() {
    for (const int fd : {ready_[0], ready_[1], done_[0], done_[1]})
      ::close(fd);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  int ready_[2] = {-1, -1};
  int done_[2] = {-1, -1};
  pid_t pid_ = -1;
};

inline void flip_byte(const std::filesystem::path& path, std::uintmax_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(byte ^ 0x40));
  ASSERT_TRUE(file.good()) << path;
}

/// The largest file below a directory of those whose name ends so.
inline std::filesystem::path largest_file(const std::string& directory, const std::string& ending) {
  std::filesystem::path best;
  std::uintmax_t size = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file() || !entry.path().string().ends_with(ending) || entry.file_size() <= size) continue;
    best = entry.path();
    size = entry.file_size();
  }
  return best;
}

inline std::set<std::string> names_in(const std::filesystem::path& directory) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    names.insert(entry.path().filename().string());
  return names;
}

}  // namespace tideline::history_program
