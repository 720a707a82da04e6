#pragma once
// A store of format 3, which had tables of pods and jobs among the others, out of one of format 4.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "test/storage/rocks/tamper.h"

namespace tideline::rocks {

inline std::string big_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i)
    text += static_cast<char>((value >> (8 * i)) & 0xFFU);
  return text;
}

inline std::uint64_t number_in(const std::string& bytes, std::size_t at) {
  std::uint64_t number = 0;
  for (std::size_t i = at; i < at + 8; ++i)
    number = (number << 8U) | static_cast<unsigned char>(bytes.at(i));
  return number;
}

/// A store of format 4 as a build of format 3 would have written it.
inline void make_format_three(const std::string& directory) {
  const auto lies_apart = [](const std::string& key) { return static_cast<unsigned char>(key.front()) >= 16; };
  const auto put_back = [](std::string key) {
    key.front() = static_cast<char>(key.front() - 16);
    return key;
  };
  with_families(directory, [&](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
    const std::string name = family->GetName();
    if (name == "meta") {
      ASSERT_TRUE(db.Put({}, family, "format", big_endian(3, 4)).ok());
    }
    if (name != "series" && name != "sketch" && name != "block") return;
    std::map<std::string, std::string> moved;
    const std::unique_ptr<rocksdb::Iterator> it(db.NewIterator({}, family));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      if (lies_apart(it->key().ToString())) moved.emplace(it->key().ToString(), it->value().ToString());
    }
    for (const auto& [key, value] : moved) {
      std::string both = value;
      std::string there;
      if (name == "block" && db.Get({}, family, put_back(key), &there).ok()) {
        both = big_endian(number_in(there, 0) + number_in(value, 0), 8) +
               big_endian(number_in(there, 8) + number_in(value, 8), 8);
      }
      ASSERT_TRUE(db.Put({}, family, put_back(key), both).ok());
      ASSERT_TRUE(db.Delete({}, family, key).ok());
    }
  });
}

}  // namespace tideline::rocks
