#include "test/support/scratch_cgroup.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tideline::test {

namespace fs = std::filesystem;

namespace {

constexpr const char* kBase = "/sys/fs/cgroup";

bool has_word(const std::string& file, const std::string& wanted) {
  std::ifstream in(file);
  std::string word;
  while (in >> word) {
    if (word == wanted) return true;
  }
  return false;
}

/// The v1 hierarchies that hold pods, without those mounted together twice; or the v2 tree.
std::vector<std::string> find_hierarchies(bool& v1) {
  const std::string base = kBase;
  v1 = !has_word(base + "/cgroup.controllers", "cpu");
  if (!v1) return {base};
  std::vector<std::string> found;
  for (const char* name : {"cpu", "cpuacct", "cpuset", "memory"}) {
    std::error_code error;
    const auto real = fs::canonical(base + "/" + name, error).string();
    if (!error && std::find(found.begin(), found.end(), real) == found.end()) found.push_back(real);
  }
  return found;
}

void put(const std::string& path, const std::string& value) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  const ssize_t got = fd < 0 ? -1 : ::write(fd, value.data(), value.size());
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (got < 0) throw std::runtime_error("write '" + value + "' to " + path + ": " + std::strerror(error));
}

std::string get(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  std::string all = text.str();
  if (all.ends_with('\n')) all.pop_back();
  return all;
}

}  // namespace

std::string ScratchCgroup::missing() {
  if (::geteuid() != 0) return "root";
  bool v1 = true;
  const auto hierarchies = find_hierarchies(v1);
  if (hierarchies.empty()) return std::string("a cgroup tree with the cpu controller at ") + kBase;
  for (const auto& hierarchy : hierarchies) {
    const std::string probe = hierarchy + "/tideline-probe-" + std::to_string(::getpid());
    if (::mkdir(probe.c_str(), 0755) != 0) return "a writable " + hierarchy;
    ::rmdir(probe.c_str());
  }
  return "";
}

ScratchCgroup::ScratchCgroup() {
  static std::atomic<int> next{0};
  if (const auto lacking = missing(); !lacking.empty()) throw std::runtime_error("needs " + lacking);
  hierarchies_ = find_hierarchies(v1_);
  group_ = "tideline-test-" + std::to_string(::getpid()) + "-" + std::to_string(next++);
  make("");
}

ScratchCgroup::~ScratchCgroup() {
  while (!owned_.empty())
    kill(owned_.back());
  for (auto relative = made_.rbegin(); relative != made_.rend(); ++relative) {
    for (const auto& hierarchy : hierarchies_) {
      const std::string directory = hierarchy + "/" + group_ + (relative->empty() ? "" : "/" + *relative);
      // A killed process leaves its group a moment after it was waited for.
      for (int tries = 0; ::rmdir(directory.c_str()) != 0 && errno == EBUSY && tries < 200; ++tries)
        ::usleep(5000);
    }
  }
}

std::string ScratchCgroup::make(const std::string& relative) {
  std::string so_far;
  std::stringstream parts(relative);
  std::string part;
  const auto step = [&] {
    if (std::find(made_.begin(), made_.end(), so_far) != made_.end()) return;
    for (const auto& hierarchy : hierarchies_) {
      const fs::path directory = fs::path(hierarchy) / group_ / so_far;
      const std::string plain =
          directory.string().ends_with('/') ? directory.parent_path().string() : directory.string();
      if (!v1_) put(fs::path(plain).parent_path().string() + "/cgroup.subtree_control", "+cpu +memory +cpuset");
      if (::mkdir(plain.c_str(), 0755) != 0) throw std::runtime_error("mkdir " + plain + ": " + std::strerror(errno));
      for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
        if (v1_ && fs::exists(plain + "/" + file)) put(plain + "/" + file, get(fs::path(plain).parent_path() / file));
      }
    }
    made_.push_back(so_far);
  };
  step();
  while (std::getline(parts, part, '/')) {
    so_far += (so_far.empty() ? "" : "/") + part;
    step();
  }
  return relative.empty() ? group_ : group_ + "/" + relative;
}

void ScratchCgroup::remove(const std::string& relative) {
  for (const auto& hierarchy : hierarchies_) {
    const std::string directory = hierarchy + "/" + group_ + "/" + relative;
    int tries = 0;
    while (::rmdir(directory.c_str()) != 0) {
      if (errno != EBUSY || ++tries == 200)
        throw std::runtime_error("rmdir " + directory + ": " + std::strerror(errno));
      ::usleep(5000);
    }
  }
  std::erase(made_, relative);
}

std::string ScratchCgroup::path(const std::string& relative, const std::string& file) const {
  std::string hierarchy = kBase;
  if (v1_) {
    std::string controller = file.substr(0, file.find('.'));
    if (controller == "tasks" || controller == "cgroup") controller = "cpu";
    hierarchy += "/" + controller;
  }
  return hierarchy + "/" + group_ + (relative.empty() ? "" : "/" + relative) + "/" + file;
}

std::string ScratchCgroup::read(const std::string& relative, const std::string& file) const {
  return get(path(relative, file));
}

void ScratchCgroup::write(const std::string& relative, const std::string& file, const std::string& value) const {
  put(path(relative, file), value);
}

std::vector<std::string> ScratchCgroup::process_files(const std::string& relative) const {
  std::vector<std::string> files;
  for (const auto& hierarchy : hierarchies_)
    files.push_back(hierarchy + "/" + group_ + (relative.empty() ? "" : "/" + relative) + "/cgroup.procs");
  return files;
}

void ScratchCgroup::attach(pid_t pid, const std::string& relative) const {
  for (const auto& file : process_files(relative))
    put(file, std::to_string(pid));
}

void ScratchCgroup::own(pid_t pid, const std::string& relative) {
  owned_.push_back(pid);
  attach(pid, relative);
}

pid_t ScratchCgroup::spin(const std::string& relative, int threads) {
  int gate[2];
  if (::pipe2(gate, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(gate[1]);
    char byte = 0;
    if (::read(gate[0], &byte, 1) != 1) ::_exit(1);  // spins only once it is in its group
    const std::vector<char> touched(8 << 20, 'x');   // so that the group has memory of its own, too
    volatile unsigned long turns = static_cast<unsigned long>(touched.back());
    std::vector<std::thread> others;
    for (int i = 1; i < threads; ++i) {
      others.emplace_back([] {
        volatile unsigned long own_turns = 0;
        while (true)
          own_turns = own_turns + 1;
      });
    }
    while (true)
      turns = turns + 1;
  }
  ::close(gate[0]);
  own(pid, relative);
  const bool sent = ::write(gate[1], "x", 1) == 1;
  ::close(gate[1]);
  if (!sent) throw std::runtime_error("the spinning child is gone");
  return pid;
}

void ScratchCgroup::kill(pid_t pid) {
  if (std::erase(owned_, pid) == 0) return;
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace tideline::test
