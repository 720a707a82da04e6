#pragma once
// What a page is made of, for tests.

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tideline::planner_view {

struct Tag {
  std::string name;  // "/p" closes
  std::map<std::string, std::string> attributes;
  bool alone = false;  // "<rect .../>"

  std::string attribute(const std::string& key) const {
    const auto found = attributes.find(key);
    return found == attributes.end() ? "" : found->second;
  }
  std::string text() const {
    std::string out = "<" + name;
    for (const auto& [key, value] : attributes)
      out += " " + key + "=\"" + value.substr(0, 200) + "\"";
    return out + ">";
  }
};

/// `inner`: all between '<' and '>'.
inline Tag tag_from(std::string_view inner) {
  Tag tag;
  if (inner.ends_with('/')) {
    tag.alone = true;
    inner.remove_suffix(1);
  }
  std::size_t at = std::min(inner.find_first_of(" \n"), inner.size());
  tag.name = inner.substr(0, at);
  while (at < inner.size()) {
    at = inner.find_first_not_of(" \n", at);
    if (at == std::string_view::npos) break;
    const std::size_t end = inner.find_first_of("= \n", at);
    const std::string key(inner.substr(at, end == std::string_view::npos ? end : end - at));
    at = end == std::string_view::npos ? inner.size() : end;
    std::string& value = tag.attributes[key];
    if (inner.substr(at, 2) != "=\"") continue;
    const std::size_t close = std::min(inner.find('"', at + 2), inner.size());
    value = inner.substr(at + 2, close - at - 2);
    at = close + 1;
  }
  return tag;
}

/// Of all between '<' and '>'; text may have neither of them.
inline std::vector<Tag> tags_of(std::string_view page) {
  std::vector<Tag> tags;
  std::size_t at = 0;
  while ((at = page.find('<', at)) != std::string_view::npos) {
    const std::size_t end = std::min(page.find('>', at), page.size());
    tags.push_back(tag_from(page.substr(at + 1, end - at - 1)));
    at = end;
  }
  return tags;
}

/// "" or the first tag that closes what is not open, or is never closed.
inline std::string unbalanced_tag(std::string_view page) {
  std::vector<std::string> open;
  for (const auto& tag : tags_of(page)) {
    if (tag.alone || tag.name == "meta" || tag.name.starts_with('!')) continue;
    if (!tag.name.starts_with('/')) {
      open.push_back(tag.name);
    } else if (open.empty() || open.back() != tag.name.substr(1)) {
      return tag.text();
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

/// "" or the first thing on the page that is not known to ask for no other file and to run nothing: tags and attributes
/// are on a list of those, and its style has no address.
inline std::string asks_for(std::string_view page) {
  static const std::set<std::string> kTags = {
      "!doctype", "html", "head",   "meta",       "title", "style", "body", "header", "main",  "section", "h1",
      "h2",       "p",    "ul",     "li",         "code",  "pre",   "div",  "table",  "thead", "tbody",   "tr",
      "th",       "td",   "figure", "figcaption", "svg",   "line",  "rect", "circle", "path",  "text"};
  static const std::set<std::string> kAttributes = {"html",  "lang",  "charset", "name",  "content",    "http-equiv",
                                                    "class", "scope", "viewBox", "role",  "aria-label", "x",
                                                    "y",     "x1",    "y1",      "x2",    "y2",         "cx",
                                                    "cy",    "r",     "d",       "width", "height",     "text-anchor"};
  for (const auto& tag : tags_of(page)) {
    if (!kTags.contains(tag.name.starts_with('/') ? tag.name.substr(1) : tag.name)) return tag.text();
    for (const auto& [key, value] : tag.attributes)
      if (!kAttributes.contains(key)) return tag.text();
  }
  const auto begin = page.find("<style>");
  if (begin == std::string_view::npos) return "";
  const std::string_view style = page.substr(begin, page.find("</style>") - begin);
  for (const char* word : {"@import", "url(", "//", "http:", "expression("})
    if (style.find(word) != std::string_view::npos) return word;
  return "";
}

/// All numbers in a text; what else is in it stands between them.
inline std::vector<double> numbers_in(const std::string& text) {
  std::vector<double> numbers;
  const char* at = text.c_str();
  while (*at != '\0') {
    if (std::isdigit(static_cast<unsigned char>(*at)) == 0 && *at != '-' && *at != '.' && *at != 'n' && *at != 'i') {
      ++at;
      continue;
    }
    char* end = nullptr;
    const double number = std::strtod(at, &end);  // takes "nan" and "inf", too
    if (end == at) {
      ++at;
      continue;
    }
    numbers.push_back(number);
    at = end;
  }
  return numbers;
}

inline bool lies_within(double value, double most) {
  return std::isfinite(value) && value >= 0 && value <= most;
}

inline bool is_inside(const Tag& tag, double width, double height) {
  for (const char* name : {"x", "x1", "x2", "cx"}) {
    for (const double value : numbers_in(tag.attribute(name)))
      if (!lies_within(value, width)) return false;
  }
  for (const char* name : {"y", "y1", "y2", "cy"}) {
    for (const double value : numbers_in(tag.attribute(name)))
      if (!lies_within(value, height)) return false;
  }
  const auto path = numbers_in(tag.attribute("d"));
  if (path.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < path.size(); ++i)
    if (!lies_within(path[i], i % 2 == 0 ? width : height)) return false;
  if (tag.name != "rect") return true;
  const std::array<double, 4> box = {
      std::strtod(tag.attribute("x").c_str(), nullptr), std::strtod(tag.attribute("y").c_str(), nullptr),
      std::strtod(tag.attribute("width").c_str(), nullptr), std::strtod(tag.attribute("height").c_str(), nullptr)};
  return lies_within(box[2], width) && lies_within(box[3], height) && box[0] + box[2] <= width + 0.05 &&
         box[1] + box[3] <= height + 0.05;
}

/// "" or the first element of which a coordinate is no number, or lies outside of its picture's view box.
inline std::string stray_element(std::string_view page) {
  double width = 0;
  double height = 0;
  for (const auto& tag : tags_of(page)) {
    if (tag.name == "svg") {
      const auto box = numbers_in(tag.attribute("viewBox"));
      if (box.size() != 4 || box[0] != 0 || box[1] != 0 || !(box[2] > 0) || !(box[3] > 0)) return tag.text();
      width = box[2];
      height = box[3];
    } else if (!is_inside(tag, width, height)) {
      return tag.text();
    }
  }
  return "";
}

inline std::size_t count_tags(std::string_view page, std::string_view name) {
  const auto tags = tags_of(page);
  return static_cast<std::size_t>(
      std::count_if(tags.begin(), tags.end(), [&](const Tag& tag) { return tag.name == name; }));
}

}  // namespace tideline::planner_view
