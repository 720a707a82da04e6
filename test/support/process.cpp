#include "test/support/process.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/support/temp_dir.h"

extern char** environ;

namespace tideline::test {
namespace {

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (auto& string : strings)
    result.push_back(string.data());
  result.push_back(nullptr);
  return result;
}

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

Process::Process(std::vector<std::string> argv, const Options& options) : output_file_(options.output_file) {
  std::vector<std::string> environment = options.environment;
  for (char** entry = environ; *entry != nullptr; ++entry)
    environment.emplace_back(*entry);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const std::string input = options.input_file.empty() ? "/dev/null" : options.input_file;
  posix_spawn_file_actions_addopen(&actions, 0, input.c_str(), O_RDONLY, 0);
  if (!output_file_.empty()) {
    posix_spawn_file_actions_addopen(&actions, 1, output_file_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
  }
  const auto arguments = pointers(argv);
  const auto variables = pointers(environment);
  const int problem = posix_spawnp(&pid_, argv[0].c_str(), &actions, nullptr, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (problem != 0) throw std::runtime_error("cannot start " + argv[0] + ": " + std::strerror(problem));
}

Process::~Process() {
  if (pid_ <= 0 || exit_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), exit_(other.exit_), output_file_(std::move(other.output_file_)) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(exit_, other.exit_);
  std::swap(output_file_, other.output_file_);
  return *this;
}

void Process::signal(int number) const {
  if (pid_ > 0 && !exit_) ::kill(pid_, number);
}

std::optional<int> Process::wait(std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!exit_) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      break;
    }
    if (std::chrono::steady_clock::now() >= end) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return exit_;
}

std::string Process::output() const {
  return slurp(output_file_);
}

std::vector<pid_t> Process::children() const {
  const std::string text = slurp("/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) + "/children");
  std::vector<pid_t> result;
  for (const char* at = text.c_str(); *at != '\0';) {
    char* end = nullptr;
    const long pid = std::strtol(at, &end, 10);
    if (end == at) break;
    result.push_back(static_cast<pid_t>(pid));
    at = end;
    while (*at == ' ')
      ++at;
  }
  return result;
}

Finished run(std::vector<std::string> argv, std::chrono::milliseconds patience) {
  const TempDir directory;
  Process process(std::move(argv), {.environment = {}, .output_file = directory.str() + "/output"});
  const auto exit = process.wait(patience);
  return {exit.value_or(-1), process.output()};
}

std::chrono::milliseconds patience(std::chrono::milliseconds usual) {
  const char* wanted = std::getenv("TIDELINE_PATIENCE");
  const int factor = wanted == nullptr ? 1 : std::atoi(wanted);  // NOLINT(cert-err34-c): nonsense counts as 1
  return usual * std::max(factor, 1);
}

bool eventually(std::chrono::milliseconds usual, const std::function<bool()>& is_true) {
  const auto end = std::chrono::steady_clock::now() + patience(usual);
  while (!is_true()) {
    if (std::chrono::steady_clock::now() >= end) return is_true();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

std::string program(const std::string& name) {
  const char* directory = std::getenv("TIDELINE_BIN");
  if (directory == nullptr)
    throw std::runtime_error("TIDELINE_BIN is not set: run through ctest, or set it to build/<preset>/bin");
  return std::string(directory) + "/" + name;
}

int from_environment(const char* variable, int usual) {
  const char* wanted = std::getenv(variable);
  const int parsed = wanted == nullptr ? 0 : std::atoi(wanted);  // NOLINT(cert-err34-c): 0 for nonsense is wanted
  return parsed > 0 ? parsed : usual;
}

int rounds(int usual) {
  return from_environment("TIDELINE_ROUNDS", usual);
}

}  // namespace tideline::test
