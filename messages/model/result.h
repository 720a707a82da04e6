#pragma once
// Errors are values with context. Nothing pure throws; an edge turns its library's exceptions into these.

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace tideline::model {

enum class ErrorCode {
  kInvalidArgument,   // the caller's or user's input is wrong
  kNotFound,          // the thing is not there (a vanished cgroup is this, and is normal)
  kPermissionDenied,  // role, certificate or file mode forbids it
  kUnsupported,       // this kernel, host or peer lacks the feature
  kMalformed,         // bytes that do not parse
  kUnavailable,       // peer or disk is not reachable now; trying again may help
  kOverloaded,        // a bound was reached
  kFenced,            // a newer owner exists; this one must stop
  kInternal,          // a bug
};

std::string_view name_of(ErrorCode code);

class Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}
  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  /// The same error with `context: ` in front.
  Error in(std::string_view context) const { return {code_, std::string(context) + ": " + message_}; }
  friend bool operator==(const Error&, const Error&) = default;

 private:
  ErrorCode code_;
  std::string message_;
};

inline Error invalid(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message)};
}

template <class T>
class [[nodiscard]] Result {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a function returning Result<T> returns a T or an Error.
  Result(T value) : state_(std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const Error& error() const { return std::get<1>(state_); }
  T value_or(T fallback) const { return ok() ? value() : std::move(fallback); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {}
  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<std::monostate, Error> state_;
};

}  // namespace tideline::model
