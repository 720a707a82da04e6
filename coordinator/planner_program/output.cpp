#include "coordinator/planner_program/output.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "storage/files/files.h"

namespace tideline::planner_program {
namespace {

using model::Result;

Result<void> write_answer(const std::string& path, const std::function<std::string()>& text) {
  if (path.empty()) return {};
  auto file = files::AtomicFile::create(path);
  if (!file) return file.error();
  if (auto written = file->write(text()); !written) return written;
  return file->commit();
}

/// Without links and dots, also where it is not there yet.
std::filesystem::path resolved(const std::string& path) {
  std::error_code unknown;
  const auto whole = std::filesystem::absolute(path, unknown);
  if (unknown) return path;
  auto plain = std::filesystem::weakly_canonical(whole, unknown);
  return unknown ? whole : plain;
}

bool same_file(const std::string& a, const std::string& b) {
  std::error_code none;  // one that is not there yet has no other name
  return a == b || std::filesystem::equivalent(a, b, none) || resolved(a) == resolved(b);
}

/// As the files of a store, or recordings, that a command reads.
bool lies_in(const std::string& file, const std::string& folder) {
  std::error_code none;
  if (!std::filesystem::is_directory(folder, none) || !std::filesystem::exists(file, none)) return false;
  const auto inner = resolved(file);
  const auto outer = resolved(folder);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

}  // namespace

Result<void> deliver(const OutputOptions& output, const Answer& answer) {
  if (auto done = write_answer(output.json_file, answer.json); !done) return done;
  if (auto done = write_answer(output.report_file, answer.text); !done) return done;
  if (answer.page) {
    if (auto done = write_answer(output.html_file, answer.page); !done) return done;
  }
  return print(output.json ? answer.json() : answer.text());
}

Result<void> check_outputs(const OutputOptions& output, const std::vector<std::string>& inputs) {
  std::vector<std::string> taken = inputs;
  for (const auto* file : {&output.json_file, &output.html_file, &output.report_file}) {
    if (file->empty()) continue;
    for (const auto& other : taken) {
      if (same_file(*file, other)) {
        return model::invalid(fmt::format("{} would be written over: it is also {}", other, *file));
      }
      if (lies_in(*file, other)) {
        return model::invalid(fmt::format("{} would be written over: it is one of the files in {}", *file, other));
      }
    }
    taken.push_back(*file);
  }
  return {};
}

Result<void> print(std::string_view text) {
  const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (whole || errno == EPIPE) return {};
  return model::Error(model::ErrorCode::kUnavailable, fmt::format("standard output: {}", std::strerror(errno)));
}

}  // namespace tideline::planner_program
