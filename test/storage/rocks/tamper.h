#pragma once
// A store as another program would open it.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <rocksdb/db.h>

namespace tideline::rocks {

/// `change` gets each family.
inline void with_families(const std::string& directory,
                          const std::function<void(rocksdb::DB&, rocksdb::ColumnFamilyHandle*)>& change) {
  std::vector<std::string> names;
  ASSERT_TRUE(rocksdb::DB::ListColumnFamilies({}, directory, &names).ok());
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const auto& name : names)
    families.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const auto opened = rocksdb::DB::Open({}, directory, families, &handles, &db);
  ASSERT_TRUE(opened.ok()) << opened.ToString();
  for (auto* handle : handles)
    change(*db, handle);
  for (auto* handle : handles)
    db->DestroyColumnFamilyHandle(handle);
  delete db;
}

/// `change` gets that family.
inline void with_family(const std::string& directory, std::string_view family,
                        const std::function<void(rocksdb::DB&, rocksdb::ColumnFamilyHandle*)>& change) {
  with_families(directory, [&](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* handle) {
    if (handle->GetName() == family) change(db, handle);
  });
}

}  // namespace tideline::rocks
